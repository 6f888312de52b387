"""The other coordinators, over a channel each that is opened when first needed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from penstock.api.history.v1.history_service_pb2 import RerunExecutionRequest
from penstock.api.history.v1.history_service_pb2_grpc import HistoryServiceStub
from penstock.api.peer.v1.peer_service_pb2 import DeliverRequest, Delivery, Notice
from penstock.api.peer.v1.peer_service_pb2_grpc import PeerServiceStub
from penstock.api.search.v1.search_service_pb2 import RetryDeadLetterRequest
from penstock.api.search.v1.search_service_pb2_grpc import DeadLetterServiceStub
from penstock.api.workflow.v1.intervention_service_pb2 import (
    PauseExecutionRequest,
    ResumeExecutionRequest,
)
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.api.workflow.v1.workflow_service_pb2 import (
    CancelExecutionRequest,
    SignalExecutionRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.rpc.channel import call
from penstock.coordinator.adapters.channels import Channels

_METHODS: Mapping[type, tuple[Any, str]] = {
    CancelExecutionRequest: (WorkflowServiceStub, "CancelExecution"),
    SignalExecutionRequest: (WorkflowServiceStub, "SignalExecution"),
    PauseExecutionRequest: (InterventionServiceStub, "PauseExecution"),
    ResumeExecutionRequest: (InterventionServiceStub, "ResumeExecution"),
    RetryDeadLetterRequest: (DeadLetterServiceStub, "RetryDeadLetter"),
    RerunExecutionRequest: (HistoryServiceStub, "RerunExecution"),
}
"""What of the public contract one coordinator asks another for."""


class GrpcPeers:
    """Implements `Peers`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def deliver(self, address: str, notices: Sequence[Notice]) -> Sequence[Delivery]:
        """Hand notices over. What is large in them travels by reference."""
        stub = PeerServiceStub(await self._channels.to(address))
        answer = await call(stub.Deliver, DeliverRequest(notices=notices))
        return list(answer.deliveries)

    async def ask(self, address: str, tenant: str, request: Any) -> Any:
        """Ask for what is public, on behalf of a tenant."""
        stub, method = _METHODS[type(request)]
        channel = await self._channels.to(address)
        return await call(getattr(stub(channel), method), request, tenant=tenant)


@asynccontextmanager
async def open_peers() -> AsyncIterator[GrpcPeers]:
    """The way to other coordinators, until the block ends."""
    channels = Channels()
    try:
        yield GrpcPeers(channels)
    finally:
        await channels.close()
