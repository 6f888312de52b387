"""/v1/executions/.../{diff,rerun,fork,derived} and /v1/workflows/.../{diff,rollback}: what was,
what differs, and going on from there."""

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.search.v1.search_service_pb2 import SearchExecutionsRequest
from penstock.api.workflow.v1.workflow_service_pb2 import EXECUTION_DETAIL_OUTLINE
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import Answer, json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    SEQ_MAX,
    AnyRequest,
    checked_tags,
    idempotency_key_of,
    json_body,
    page_size,
    params_value,
    query_of,
    tenant_of,
    user_value,
    whole_number,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.routes.workflows import checked_name
from penstock.gateway.shapes.executions import ExecutionPage
from penstock.gateway.shapes.history import ForkBody, RerunBody, RollbackBody, RolledBack
from penstock.gateway.views import executions as views
from penstock.gateway.views import history as history_views
from penstock.workflow.search.reading import quoted

_RERUN = msgspec.json.Decoder(RerunBody)
_FORK = msgspec.json.Decoder(ForkBody)
_ROLLBACK = msgspec.json.Decoder(RollbackBody)
_NO_RERUN = RerunBody()
_NO_FORK = ForkBody()
_NO_ROLLBACK = RollbackBody()
_VERSION_MAX = 2**31 - 1
_PAGING = frozenset({"limit", "cursor"})
_VERSIONS = frozenset({"from", "to"})

ORIGIN_TAG = "origin:"
"""Executions made from a past one carry a tag of this and its id."""


@get("/v1/executions/{execution_id:str}/diff/{other_id:str}")
async def compare_executions(
    request: AnyRequest, execution_id: FromPath[str], other_id: FromPath[str]
) -> ASGIApp:
    """How another execution differs from this one."""
    query_of(request)
    command = pb.CompareExecutionsRequest(
        left=execution_id_of(request, execution_id), right=execution_id_of(request, other_id)
    )
    answer = await doors_of(request).history.compare(command, tenant_of(request))
    return json_answer(history_views.execution_comparison(answer))


@get("/v1/executions/{execution_id:str}/derived")
async def list_derived(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Executions that were made from this one, newest first."""
    query = query_of(request, _PAGING)
    doors, tenant = doors_of(request), tenant_of(request)
    asked = execution_id_of(request, execution_id)
    await doors.reads.execution(asked, tenant, EXECUTION_DETAIL_OUTLINE)
    wanted = SearchExecutionsRequest(
        query=f"tag:{quoted(ORIGIN_TAG + asked)}",
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )
    answer = await doors.finding.search(wanted, tenant)
    items = tuple(views.execution_summary(found.execution) for found in answer.executions)
    return json_answer(ExecutionPage(items, answer.next_page_token or None))


@post("/v1/executions/{execution_id:str}/rerun")
async def rerun_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Run some nodes again, with everything after them, as a new execution: 201, or 200 for a
    repeated request."""
    query_of(request)
    body = await json_body(request, _RERUN, _NO_RERUN)
    version, latest = _version_of(body.version)
    command = pb.RerunExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        from_nodes=body.again,
        input_json=user_value(body.input, "input"),
        params_json=params_value(body.params),
        version=version,
        latest=latest,
        tags=checked_tags(body.tags),
        idempotency_key=idempotency_key_of(request),
        debug=body.debug,
    )
    return _made(await doors_of(request).history.rerun(command, tenant_of(request)))


@post("/v1/executions/{execution_id:str}/fork")
async def fork_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Go on from a past event as a new execution: 201, or 200 for a repeated request."""
    query_of(request)
    body = await json_body(request, _FORK, _NO_FORK)
    version, latest = _version_of(body.version)
    if not 0 < body.at_seq <= SEQ_MAX:
        raise InvalidArgument(
            f"There is no event {body.at_seq}.",
            fix="Give the last event that is to count: 1 is the start.",
            path="at_seq",
        )
    command = pb.ForkExecutionRequest(
        execution_id=execution_id_of(request, execution_id),
        at_seq=body.at_seq,
        params_json=params_value(body.params),
        version=version,
        latest=latest,
        tags=checked_tags(body.tags),
        idempotency_key=idempotency_key_of(request),
        debug=body.debug,
    )
    return _made(await doors_of(request).history.fork(command, tenant_of(request)))


def _version_of(asked: int | str) -> tuple[int, bool]:
    if isinstance(asked, str):
        return 0, asked == "latest"
    if not 0 < asked <= _VERSION_MAX:
        raise InvalidArgument(
            "There is no such version.",
            fix='Versions count from 1; or say "same" or "latest".',
            path="version",
        )
    return asked, False


def _made(answer: pb.RerunExecutionResponse) -> Answer:
    place = f"/v1/executions/{answer.execution_id}".encode()
    status = 200 if answer.existing else 201
    return json_answer(history_views.rerun(answer), status, ((b"location", place),))


@get("/v1/workflows/{name:str}/diff")
async def compare_versions(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """How version `to` (the latest without it) differs from version `from`."""
    query = query_of(request, _VERSIONS)
    if "from" not in query:
        raise InvalidArgument("`from` is missing.", fix="Give a version.", path="query.from")
    command = pb.CompareVersionsRequest(
        workflow=checked_name(name),
        left=whole_number(query["from"], "from", 0, _VERSION_MAX, least=1),
        right=whole_number(query.get("to"), "to", 0, _VERSION_MAX, least=1),
    )
    answer = await doors_of(request).history.versions(command, tenant_of(request))
    return json_answer(history_views.version_comparison(answer.comparison))


@post("/v1/workflows/{name:str}/rollback")
async def roll_back_workflow(request: AnyRequest, name: FromPath[str]) -> ASGIApp:
    """Make an earlier version's content the newest version: 201, or 200 if it is that already."""
    query_of(request)
    body = await json_body(request, _ROLLBACK, _NO_ROLLBACK)
    if not 0 < body.version <= _VERSION_MAX:
        raise InvalidArgument(
            "`version` is missing or no version.", fix="Versions count from 1.", path="version"
        )
    command = pb.RollBackWorkflowRequest(workflow=checked_name(name), version=body.version)
    answer = await doors_of(request).history.roll_back(command, tenant_of(request))
    newest = answer.workflow
    told = RolledBack(newest.name, newest.version, newest.definition_hash, answer.created)
    return json_answer(told, 201 if answer.created else 200)


HISTORY_ROUTES = (
    compare_executions,
    list_derived,
    rerun_execution,
    fork_execution,
    compare_versions,
    roll_back_workflow,
)
