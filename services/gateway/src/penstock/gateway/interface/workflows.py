"""Operations on workflows and their versions."""

from penstock.gateway.interface.operation import (
    CURSOR,
    FILE,
    LIMIT,
    NAME,
    VERSION,
    YAML,
    Answered,
    Operation,
)
from penstock.gateway.shapes import executions as schema

WORKFLOW_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/workflows:validate",
        "post",
        "validateWorkflow",
        "Check a workflow file",
        [Answered(200, "All findings, at once.", schema.Validation)],
        body=FILE,
        problems=(413, 415),
    ),
    Operation(
        "/v1/workflows/validate",
        "post",
        "validateWorkflowByPath",
        "Check a workflow file (the same under a plain path)",
        [Answered(200, "All findings, at once.", schema.Validation)],
        body=FILE,
        problems=(413, 415),
    ),
    Operation(
        "/v1/workflows",
        "post",
        "applyWorkflow",
        "Store a workflow file as a version",
        [
            Answered(201, "A new version.", schema.Applied),
            Answered(200, "This content is stored already, as this version.", schema.Applied),
        ],
        body=FILE,
        problems=(413, 415, 422),
    ),
    Operation(
        "/v1/workflows",
        "get",
        "listWorkflows",
        "Latest versions, by name",
        [Answered(200, "A page.", schema.WorkflowPage)],
        [LIMIT, CURSOR],
    ),
    Operation(
        "/v1/workflows/{name}",
        "get",
        "getWorkflow",
        "One version with its source",
        [Answered(200, "The version.", schema.Workflow)],
        [NAME, VERSION],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/source",
        "get",
        "getWorkflowSource",
        "The file as it was applied",
        [Answered(200, "The file.", None, YAML)],
        [NAME, VERSION],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/versions",
        "get",
        "listWorkflowVersions",
        "Versions, newest first",
        [Answered(200, "A page.", schema.WorkflowPage)],
        [NAME, LIMIT, CURSOR],
        problems=(404,),
    ),
)
