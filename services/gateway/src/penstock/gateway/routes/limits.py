"""/v1/limits and /v1/breakers: what limits hold back, and what people do about it."""

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.limits.v1 import limits_service_pb2 as pb
from penstock.common.errors import InvalidArgument, NotFound
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import AnyRequest, json_body, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.limits import (
    BreakerBody,
    BreakerReport,
    BreakerSet,
    CircuitBreaker,
    Holder,
    Limit,
    LimitReport,
    Released,
)
from penstock.gateway.views.executions import item_of

_BREAKER = msgspec.json.Decoder(BreakerBody)
_NO_BODY = BreakerBody("", "")
_ACTIONS = {"trip": True, "reset": False}


@get("/v1/limits")
async def list_limits(request: AnyRequest) -> ASGIApp:
    """The limits in use, over all coordinators."""
    query_of(request)
    found = await doors_of(request).limits.limits(tenant_of(request))
    shown = [_limit(one) for one in found if one.kind != "breaker"]
    shown.sort(key=lambda one: (-one.waiting, one.kind, one.key))
    return json_answer(LimitReport(limits=tuple(shown)))


@delete("/v1/limits/permits/{execution_id:str}", status_code=200)
async def release_permits(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Free what an execution holds under limits."""
    query_of(request)
    asked = execution_id_of(request, execution_id)
    released = await doors_of(request).limits.release(asked, tenant_of(request))
    if not released:
        raise NotFound(
            f"The execution {asked} holds nothing under a limit.",
            fix="`GET /v1/limits` tells who does.",
        )
    return json_answer(Released(execution_id=asked, released=released))


@get("/v1/breakers")
async def list_breakers(request: AnyRequest) -> ASGIApp:
    """The circuit breakers that are known, over all coordinators."""
    query_of(request)
    found = await doors_of(request).limits.limits(tenant_of(request))
    shown = [_breaker(one) for one in found if one.kind == "breaker"]
    shown.sort(key=lambda one: (one.state == "closed", one.key))
    return json_answer(BreakerReport(breakers=tuple(shown)))


@post("/v1/breakers", status_code=200)
async def set_breaker(request: AnyRequest) -> ASGIApp:
    """Open or close a circuit breaker by hand."""
    query_of(request)
    body = await json_body(request, _BREAKER, _NO_BODY)
    if body.action not in _ACTIONS or not body.key:
        raise InvalidArgument(
            "A breaker needs a `key` and an `action`.",
            fix="Give the key as `GET /v1/breakers` shows it, and `trip` or `reset`.",
            path="action" if body.key else "key",
        )
    is_open = _ACTIONS[body.action]
    if not await doors_of(request).limits.set_breaker(body.key, is_open, tenant_of(request)):
        raise NotFound(
            f"There is no breaker {body.key!r}.",
            fix="`GET /v1/breakers` lists those in use; one that was not used is closed.",
        )
    return json_answer(BreakerSet(key=body.key, action=body.action))


def _limit(one: pb.Limit) -> Limit:
    return Limit(
        kind=one.kind,
        key=one.key,
        limit=one.limit,
        used=one.used,
        per_s=one.per.ToMicroseconds() / 1e6,
        waiting=one.waiting,
        ready=one.open,
        holders=tuple(map(_holder, one.holders)),
        line=tuple(map(_holder, one.line)),
    )


def _holder(one: pb.Holder) -> Holder:
    return Holder(
        execution_id=one.execution_id,
        name=one.name,
        item=item_of(one.item),
        attempt=one.attempt,
        doubtful=one.doubtful,
    )


def _breaker(one: pb.Limit) -> CircuitBreaker:
    return CircuitBreaker(
        key=one.key,
        state=one.state,
        failures=one.used,
        failure_threshold=one.limit,
        timeout_s=one.per.ToMicroseconds() / 1e6,
        waiting=one.waiting,
    )


LIMIT_ROUTES = (list_limits, release_permits, list_breakers, set_breaker)
