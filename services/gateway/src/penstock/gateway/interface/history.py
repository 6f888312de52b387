"""Operations on the past of executions and workflows."""

from penstock.gateway.interface.operation import (
    CURSOR,
    ID,
    KEY,
    LIMIT,
    NAME,
    Answered,
    Operation,
    in_path,
    in_query,
)
from penstock.gateway.shapes import history as schema
from penstock.gateway.shapes.executions import ExecutionPage

_MADE = (
    Answered(200, "A repeated request: the execution that the first one made.", schema.Rerun),
    Answered(201, "The new execution was started.", schema.Rerun),
)
_PROBLEMS = (404, 409, 413, 415, 422, 429)

HISTORY_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/executions/{execution_id}/diff/{other_id}",
        "get",
        "compareExecutions",
        "How another execution differs from this one",
        [Answered(200, "What differs.", schema.ExecutionComparison)],
        [ID, in_path("other_id", "The other execution's id.")],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/derived",
        "get",
        "listDerivedExecutions",
        "Executions that were made from this one, newest first",
        [Answered(200, "A page.", ExecutionPage)],
        [ID, LIMIT, CURSOR],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/rerun",
        "post",
        "rerunExecution",
        "Run some nodes again, with everything after them, as a new execution",
        _MADE,
        [ID, KEY],
        schema.RerunBody,
        _PROBLEMS,
    ),
    Operation(
        "/v1/executions/{execution_id}/fork",
        "post",
        "forkExecution",
        "Go on from a past event as a new execution",
        _MADE,
        [ID, KEY],
        schema.ForkBody,
        _PROBLEMS,
    ),
    Operation(
        "/v1/workflows/{name}/diff",
        "get",
        "compareVersions",
        "How two versions of a workflow differ",
        [Answered(200, "What differs.", schema.VersionComparison)],
        [
            NAME,
            in_query("from", "Left version.", "integer"),
            in_query("to", "Right version; the latest without it.", "integer"),
        ],
        problems=(404,),
    ),
    Operation(
        "/v1/workflows/{name}/rollback",
        "post",
        "rollBackWorkflow",
        "Make an earlier version's content the newest version",
        [
            Answered(200, "The newest version has this content already.", schema.RolledBack),
            Answered(201, "A new version with the content of the earlier one.", schema.RolledBack),
        ],
        [NAME],
        schema.RollbackBody,
        (404, 413, 415, 422),
    ),
)
