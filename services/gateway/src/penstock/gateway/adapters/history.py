"""History over gRPC: reads from state, starts and roll-backs at coordinators."""

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.history.v1.history_service_pb2_grpc import (
    HistoryQueryServiceStub,
    HistoryServiceStub,
)
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link
from penstock.gateway.adapters.state import StateReads

_TIMEOUT_S = 30.0


class HistoryCalls:
    """Implements `HistoryDoor`."""

    def __init__(self, coordinators: Coordinators, reads: StateReads) -> None:
        self._coordinators = coordinators
        self._queries = HistoryQueryServiceStub(reads.channel)

    async def at(self, request: pb.GetExecutionAtRequest, tenant: str) -> pb.GetExecutionAtResponse:
        """See `HistoryDoor.at`."""
        answer: pb.GetExecutionAtResponse = await call(
            self._queries.GetExecutionAt, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def compare(
        self, request: pb.CompareExecutionsRequest, tenant: str
    ) -> pb.CompareExecutionsResponse:
        """See `HistoryDoor.compare`."""
        answer: pb.CompareExecutionsResponse = await call(
            self._queries.CompareExecutions, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def versions(
        self, request: pb.CompareVersionsRequest, tenant: str
    ) -> pb.CompareVersionsResponse:
        """See `HistoryDoor.versions`."""
        answer: pb.CompareVersionsResponse = await call(
            self._queries.CompareVersions, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def roll_back(
        self, request: pb.RollBackWorkflowRequest, tenant: str
    ) -> pb.RollBackWorkflowResponse:
        """See `HistoryDoor.roll_back`."""
        link = await self._coordinators.link()
        answer: pb.RollBackWorkflowResponse = await call(
            HistoryServiceStub(link.channel).RollBackWorkflow, request, tenant=tenant
        )
        return answer

    async def rerun(
        self, request: pb.RerunExecutionRequest, tenant: str
    ) -> pb.RerunExecutionResponse:
        """See `HistoryDoor.rerun`."""

        async def ask(link: Link) -> pb.RerunExecutionResponse:
            stub = HistoryServiceStub(link.channel)
            answer: pb.RerunExecutionResponse = await call(
                stub.RerunExecution, request, tenant=tenant, timeout_s=_TIMEOUT_S
            )
            return answer

        return await self._coordinators.at_owner(ask)

    async def fork(
        self, request: pb.ForkExecutionRequest, tenant: str
    ) -> pb.RerunExecutionResponse:
        """See `HistoryDoor.fork`."""

        async def ask(link: Link) -> pb.RerunExecutionResponse:
            stub = HistoryServiceStub(link.channel)
            answer: pb.RerunExecutionResponse = await call(
                stub.ForkExecution, request, tenant=tenant, timeout_s=_TIMEOUT_S
            )
            return answer

        return await self._coordinators.at_owner(ask)
