"""/v1/workflows: check, store and read workflow files."""

from litestar import get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import json_answer, text_answer
from penstock.gateway.http.requests import (
    NAME_CHARS_MAX,
    AnyRequest,
    file_body,
    page_size,
    query_of,
    tenant_of,
    whole_number,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.executions import Validation, WorkflowPage
from penstock.gateway.views import executions as views

_VERSION_MAX = 2**31 - 1
_PAGING = frozenset({"limit", "cursor"})
_VERSION = frozenset({"version"})


def checked_name(name: str) -> str:
    """A workflow's name from a path."""
    if len(name) > NAME_CHARS_MAX:
        raise InvalidArgument(
            "The workflow's name is too long.",
            fix=f"A name has at most {NAME_CHARS_MAX} characters.",
            path="path.name",
        )
    return name


@post(["/v1/workflows:validate", "/v1/workflows/validate"])
async def validate_workflow(request: AnyRequest) -> ASGIApp:
    """Check a file; stores and runs nothing."""
    query_of(request)
    source = await file_body(request)
    answer = await doors_of(request).commands.validate(source, tenant_of(request))
    return json_answer(Validation(answer.valid, views.issues(answer.issues)))


@post("/v1/workflows")
async def apply_workflow(request: AnyRequest) -> ASGIApp:
    """Store a file as a new version: 201, or 200 with the version that has the same content."""
    query_of(request)
    source = await file_body(request)
    answer = await doors_of(request).commands.apply(source, tenant_of(request))
    place = f"/v1/workflows/{answer.workflow.name}?version={answer.workflow.version}"
    return json_answer(
        views.applied(answer),
        201 if answer.created else 200,
        ((b"location", place.encode()),),
    )


@get("/v1/workflows")
async def list_workflows(request: AnyRequest) -> ASGIApp:
    """A page of the latest versions, by name."""
    query = query_of(request, _PAGING)
    size = page_size(query.get("limit"))
    answer = await doors_of(request).reads.workflows(
        size, query.get("cursor", ""), tenant_of(request)
    )
    items = tuple(views.workflow_summary(item) for item in answer.workflows)
    return json_answer(WorkflowPage(items, answer.next_page_token or None))


@get("/v1/workflows/{name:str}")
async def get_workflow(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """One version with its source; the latest without `version`."""
    query = query_of(request, _VERSION)
    version = whole_number(query.get("version"), "version", 0, _VERSION_MAX)
    found = await doors_of(request).reads.workflow(checked_name(name), version, tenant_of(request))
    return json_answer(views.workflow_version(found))


@get("/v1/workflows/{name:str}/source")
async def get_source(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """The file as it was applied."""
    query = query_of(request, _VERSION)
    version = whole_number(query.get("version"), "version", 0, _VERSION_MAX)
    found = await doors_of(request).reads.workflow(checked_name(name), version, tenant_of(request))
    is_json = found.source.lstrip()[:1] == "{"
    return text_answer(found.source, "application/json" if is_json else "application/yaml")


@get("/v1/workflows/{name:str}/versions")
async def list_versions(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """A page of the versions of one workflow, newest first."""
    query = query_of(request, _PAGING)
    size = page_size(query.get("limit"))
    answer = await doors_of(request).reads.versions(
        checked_name(name), size, query.get("cursor", ""), tenant_of(request)
    )
    items = tuple(views.workflow_summary(item) for item in answer.versions)
    return json_answer(WorkflowPage(items, answer.next_page_token or None))


WORKFLOW_ROUTES = (
    validate_workflow,
    apply_workflow,
    list_workflows,
    get_workflow,
    get_source,
    list_versions,
)
