"""/v1/executions/{id}/children: the sub-workflows of an execution."""

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.workflow.v1 import children_service_pb2 as api
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import AnyRequest, page_size, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.children import Child, ChildPage
from penstock.gateway.views import executions as views

_LIST = frozenset({"node", "limit", "cursor"})


@get("/v1/executions/{execution_id:str}/children")
async def list_children(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """A page, in the order of the nodes, items and attempts that started them."""
    query = query_of(request, _LIST)
    command = api.ListChildrenRequest(
        execution_id=execution_id_of(request, execution_id),
        node=query.get("node", ""),
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )
    answer = await doors_of(request).children.page(command, tenant_of(request))
    items = tuple(
        Child(
            node=each.node or None,
            item=views.item_of(each.ref.item),
            attempt=each.ref.attempt,
            execution=views.execution_summary(each.execution),
        )
        for each in answer.children
    )
    return json_answer(ChildPage(items, answer.next_page_token or None))


CHILDREN_ROUTES = (list_children,)
