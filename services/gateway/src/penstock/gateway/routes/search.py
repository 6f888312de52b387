"""GET /v1/executions: find executions by a query, by plain parameters, or both."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from litestar import get
from litestar.types import ASGIApp

from penstock.api.search.v1 import search_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.requests import AnyRequest, page_size, query_of, tenant_of, whole_number
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.executions import ExecutionPage
from penstock.gateway.shapes.finding import ExecutionCount
from penstock.gateway.views import executions as views
from penstock.workflow.search.reading import quoted, read_query

_EQUAL = ("workflow", "tag", "version", "reason", "failed_node", "parent", "origin")
_LISTS = ("status", "dead_letter")
_TIMES = {
    "started_after": "started>=",
    "started_before": "started<",
    "ended_after": "ended>=",
    "ended_before": "ended<",
}
_PARAMS = "params."
CONDITIONS = frozenset({"q", *_EQUAL, *_LISTS, *_TIMES})
"""Plain parameters that say what to look for."""
_ORDERS = {"newest": api.ORDER_NEWEST, "oldest": api.ORDER_OLDEST}
_COUNT_MAX = 100_000


def search_query(request: AnyRequest, known: frozenset[str]) -> Mapping[str, str]:
    """Query parameters, of which those that begin with `params.` are known as well."""
    raw = request.scope["query_string"].decode("latin-1")
    named = {name for name, _ in parse_qsl(raw, keep_blank_values=True)}
    return query_of(request, known | {name for name in named if name.startswith(_PARAMS)})


def conditions_of(query: Mapping[str, str]) -> str:
    """The query that the parameters stand for: `q` first, so that its columns stay."""
    parts = {"q": query["q"]} if query.get("q") else {}
    for name, value in query.items():
        if not value and not name.startswith(_PARAMS):
            continue
        if name in _EQUAL or name.startswith(_PARAMS):
            parts[name] = f"{name}:{quoted(value)}"
        elif name in _LISTS:
            words = filter(None, map(str.strip, value.split(",")))
            parts[name] = f"{name}:{','.join(map(quoted, words))}"
        elif name in _TIMES:
            parts[name] = f"{_TIMES[name]}{quoted(value)}"
    for name, condition in parts.items():
        _check(name, condition)
    return " ".join(parts.values())


def _check(name: str, condition: str) -> None:
    """Refuse a plain parameter with its own name; what is wrong with `q` is told by who reads
    it."""
    _, issues = ((), ()) if name == "q" else read_query(condition, 0)
    if issues:
        raise InvalidArgument(issues[0].message, fix=issues[0].fix, path=f"query.{name}")


def search_of(query: Mapping[str, str], conditions: str) -> api.SearchExecutionsRequest:
    """The page that is asked for."""
    order = query.get("order", "newest")
    if order not in _ORDERS:
        raise InvalidArgument(
            f"There is no order {order[:40]!r}.",
            fix="Give newest or oldest.",
            path="query.order",
        )
    return api.SearchExecutionsRequest(
        query=conditions,
        order=_ORDERS[order],
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )


PAGING = frozenset({"order", "limit", "cursor"})


@get("/v1/executions")
async def list_executions(request: AnyRequest) -> ASGIApp:
    """A page of executions, newest first unless asked otherwise."""
    query = search_query(request, CONDITIONS | PAGING)
    wanted = search_of(query, conditions_of(query))
    answer = await doors_of(request).finding.search(wanted, tenant_of(request))
    items = tuple(views.execution_summary(found.execution) for found in answer.executions)
    return json_answer(ExecutionPage(items, answer.next_page_token or None))


@get("/v1/executions/count")
async def count_executions(request: AnyRequest) -> ASGIApp:
    """How many executions there are, counted up to `limit`."""
    query = search_query(request, CONDITIONS | {"limit"})
    most = whole_number(query.get("limit"), "limit", 0, _COUNT_MAX, least=1)
    answer = await doors_of(request).finding.count(conditions_of(query), most, tenant_of(request))
    return json_answer(ExecutionCount(answer.count, answer.exact))


SEARCH_ROUTES = (list_executions, count_executions)
