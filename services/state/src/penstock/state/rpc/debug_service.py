"""DebugQueryService: where debugged executions stand. The account of a call restricts every
read."""

from typing import Any

import grpc

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugQueryServiceServicer
from penstock.common.debug_view import debug_state, node_inside
from penstock.common.errors import InvalidArgument, NotFound
from penstock.common.rpc.server import call_tenant
from penstock.state.reading.executions import ExecutionReader
from penstock.state.rpc.checks import checked_id
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.nearest import Names

Context = grpc.aio.ServicerContext[Any, Any]


class DebugQueryService(DebugQueryServiceServicer):
    """Folds, and tells."""

    def __init__(self, reader: ExecutionReader) -> None:
        self._reader = reader

    async def GetDebug(self, request: pb.GetDebugRequest, context: Context) -> pb.GetDebugResponse:
        """Where it stands."""
        _, state = await self._reader.fold(call_tenant(context), checked_id(request.execution_id))
        return pb.GetDebugResponse(state=debug_state(state))

    async def InspectNode(
        self, request: pb.InspectNodeRequest, context: Context
    ) -> pb.InspectNodeResponse:
        """What a node sees."""
        _, state = await self._reader.fold(call_tenant(context), checked_id(request.execution_id))
        index = {node.id: node.index for node in state.plan.nodes if not node.hidden}
        node = index.get(request.node)
        if node is None:
            raise NotFound(
                f"The workflow has no node {request.node[:80]!r}.",
                fix=Names(index).hint(request.node) or f"Its nodes: {', '.join(list(index)[:20])}.",
                path="node",
            )
        items = state.fan_outs.get(node)
        if request.item and (items is None or request.item > items.count):
            raise InvalidArgument(
                f"Node {request.node} has no item {request.item - 1} that runs.",
                fix="Items count from 0, and are there while their node runs.",
                path="item",
            )
        return node_inside(state, NodeRef(node, request.item))
