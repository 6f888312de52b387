"""DebugQueryService: where debugged executions stand. The account of a call restricts every
read."""

from typing import Any

import grpc

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugQueryServiceServicer
from penstock.common.debug_view import debug_state, node_inside
from penstock.common.errors import InvalidArgument
from penstock.common.rpc.server import call_tenant
from penstock.state.reading.executions import ExecutionReader, no_outputs, shown_index
from penstock.state.rpc.checks import checked_id
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.leaving_out import nothing_but
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan

Context = grpc.aio.ServicerContext[Any, Any]


class DebugQueryService(DebugQueryServiceServicer):
    """Folds, and tells."""

    def __init__(self, reader: ExecutionReader) -> None:
        self._reader = reader

    async def GetDebug(self, request: pb.GetDebugRequest, context: Context) -> pb.GetDebugResponse:
        """Where it stands."""
        execution_id = checked_id(request.execution_id)
        async with self._reader.heavy.reading() as reading:
            _, state = await self._reader.fold(
                reading, call_tenant(context), execution_id, leaving=no_outputs
            )
            return pb.GetDebugResponse(state=debug_state(state))

    async def InspectNode(
        self, request: pb.InspectNodeRequest, context: Context
    ) -> pb.InspectNodeResponse:
        """What a node sees."""
        execution_id = checked_id(request.execution_id)
        async with self._reader.heavy.reading() as reading:
            _, state = await self._reader.fold(
                reading,
                call_tenant(context),
                execution_id,
                leaving=lambda plan: nothing_but(_seen_at(plan, request.node)),
            )
            return _inside(state, request)


def _seen_at(plan: Plan, name: str) -> set[int]:
    """The nodes whose outputs one shows: its own, and what it reads."""
    node = plan.nodes[shown_index(plan, name)]
    return {node.index, *node.parents, *node.reads}


def _inside(state: ExecutionState, request: pb.InspectNodeRequest) -> pb.InspectNodeResponse:
    node = shown_index(state.plan, request.node)
    items = state.fan_outs.get(node)
    if request.item and (items is None or request.item > items.count):
        raise InvalidArgument(
            f"Node {request.node} has no item {request.item - 1} that runs.",
            fix="Items count from 0, and are there while their node runs.",
            path="item",
        )
    return node_inside(state, NodeRef(node, request.item))
