"""The debugger over gRPC: commands at the owner of the execution, reads from state."""

from penstock.api.debug.v1 import debug_service_pb2 as pb
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugQueryServiceStub, DebugServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link
from penstock.gateway.adapters.state import StateReads


class DebugCalls:
    """Implements `DebugDoor`."""

    def __init__(self, coordinators: Coordinators, reads: StateReads) -> None:
        self._coordinators = coordinators
        self._queries = DebugQueryServiceStub(reads.channel)

    async def command(self, request: pb.DebugExecutionRequest, tenant: str) -> pb.DebugState:
        """See `DebugDoor.command`."""

        async def ask(link: Link) -> pb.DebugState:
            stub = DebugServiceStub(link.channel)
            answer: pb.DebugExecutionResponse = await call(
                stub.DebugExecution, request, tenant=tenant
            )
            return answer.state

        return await self._coordinators.at_owner(ask)

    async def state(self, execution_id: str, tenant: str) -> pb.DebugState:
        """See `DebugDoor.state`."""
        request = pb.GetDebugRequest(execution_id=execution_id)
        answer: pb.GetDebugResponse = await call(self._queries.GetDebug, request, tenant=tenant)
        return answer.state

    async def inspect(self, request: pb.InspectNodeRequest, tenant: str) -> pb.InspectNodeResponse:
        """See `DebugDoor.inspect`."""
        answer: pb.InspectNodeResponse = await call(
            self._queries.InspectNode, request, tenant=tenant
        )
        return answer
