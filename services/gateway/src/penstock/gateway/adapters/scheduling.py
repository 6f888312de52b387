"""Queues of all coordinators, and explanations by the one that owns the execution."""

from penstock.api.scheduling.v1 import scheduling_service_pb2 as pb
from penstock.api.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.asking_all import ask_all
from penstock.gateway.adapters.coordinators import Coordinators, Link


class Scheduling:
    """`SchedulingDoor` over gRPC. A coordinator that cannot be reached makes the list of queues
    fail: half a list would look like little work."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def queues(self, tenant: str) -> list[pb.ListQueuesResponse]:
        """See `SchedulingDoor`."""
        first = await self._ask(await self._coordinators.link(), tenant)
        if len(first.coordinators) == 1:
            return [first]

        async def ask(address: str) -> pb.ListQueuesResponse:
            return await self._ask(await self._coordinators.link(address), tenant)

        return await ask_all(first.coordinators, ask)

    async def _ask(self, link: Link, tenant: str) -> pb.ListQueuesResponse:
        stub = SchedulingServiceStub(link.channel)
        answer: pb.ListQueuesResponse = await call(
            stub.ListQueues, pb.ListQueuesRequest(), tenant=tenant
        )
        return answer

    async def explain(self, execution_id: str, tenant: str) -> pb.ExplainExecutionResponse:
        """See `SchedulingDoor`."""
        request = pb.ExplainExecutionRequest(execution_id=execution_id)

        async def ask(link: Link) -> pb.ExplainExecutionResponse:
            stub = SchedulingServiceStub(link.channel)
            answer: pb.ExplainExecutionResponse = await call(
                stub.ExplainExecution, request, tenant=tenant
            )
            return answer

        return await self._coordinators.at_owner(ask)
