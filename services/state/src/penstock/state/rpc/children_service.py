"""ChildrenService: sub-workflows of an execution. The account of a call restricts it."""

from typing import Any

import grpc

from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.workflow.v1 import children_service_pb2 as pb
from penstock.api.workflow.v1.children_service_pb2_grpc import ChildrenServiceServicer
from penstock.common.errors import InvalidArgument, NotFound, no_execution
from penstock.common.ids import is_ulid
from penstock.common.rpc.server import call_tenant
from penstock.state.ports import ChildRow, ChildStore, ExecutionStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.reading.pictures import summary
from penstock.state.reading.plans import PlanCache
from penstock.workflow.plan import Plan

Context = grpc.aio.ServicerContext[Any, Any]


class ChildrenService(ChildrenServiceServicer):
    """Translates between the contract and the stores."""

    def __init__(self, children: ChildStore, executions: ExecutionStore, plans: PlanCache) -> None:
        self._children = children
        self._executions = executions
        self._plans = plans

    async def ListChildren(
        self, request: pb.ListChildrenRequest, context: Context
    ) -> pb.ListChildrenResponse:
        """A page. Raises `NotFound` for an execution or a node that is not there."""
        tenant, parent_id = call_tenant(context), request.execution_id
        size = page_size_of(request.page_size)
        if not is_ulid(parent_id):
            raise InvalidArgument(
                f"{parent_id[:80]!r} is not an execution id",
                fix="Send the 26 characters that the start returned.",
            )
        row = await self._executions.find(tenant, parent_id)
        if row is None:
            raise no_execution(parent_id)
        plan = await self._plans.plan(tenant, row.definition_hash)
        asked = ("children", parent_id, request.node)
        token = request.page_token
        after = from_token(token, tuple[int, int, int, str], asked) if token else None
        node = _index_of(plan, request.node) if request.node else None
        rows = await self._children.page(tenant, parent_id, node, after, size + 1)
        answer = pb.ListChildrenResponse(children=[_told(plan, one) for one in rows[:size]])
        if len(rows) > size:
            last = rows[size - 1]
            key = (last.node, last.item, last.attempt, last.execution.execution_id)
            answer.next_page_token = to_token(key, asked)
        return answer


def _index_of(plan: Plan, node_id: str) -> int:
    try:
        return plan.index_of(node_id)
    except KeyError:
        raise NotFound(
            f"the workflow {plan.name} has no node {node_id[:80]!r}", node=node_id
        ) from None


def _told(plan: Plan, row: ChildRow) -> pb.ChildExecution:
    """A child and its node; one that was started when the execution failed has none."""
    ref = NodeRef(node=row.node, item=row.item, attempt=row.attempt)
    node = plan.nodes[row.node].id if row.attempt and row.node < len(plan.nodes) else ""
    return pb.ChildExecution(execution=summary(row.execution), node=node, ref=ref)
