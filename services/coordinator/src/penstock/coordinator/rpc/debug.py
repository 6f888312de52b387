"""DebugService: the step debugger, on every coordinator."""

from typing import Any

import grpc

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.coordinator import Coordinator

Context = grpc.aio.ServicerContext[Any, Any]


class DebugRpc(DebugServiceServicer):
    """Commands go to the execution, reads pass through to state."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._debugger = coordinator.debugger
        self._history = coordinator.state.history

    async def DebugExecution(
        self, request: pb.DebugExecutionRequest, context: Context
    ) -> pb.DebugExecutionResponse:
        """Do one thing."""
        state = await self._debugger.command(call_tenant(context), request)
        return pb.DebugExecutionResponse(state=state)

    async def GetDebug(self, request: pb.GetDebugRequest, context: Context) -> pb.GetDebugResponse:
        """Where it stands."""
        return await self._history.debug_state(call_tenant(context), request)

    async def InspectNode(
        self, request: pb.InspectNodeRequest, context: Context
    ) -> pb.InspectNodeResponse:
        """What a node sees."""
        return await self._history.inspect_node(call_tenant(context), request)
