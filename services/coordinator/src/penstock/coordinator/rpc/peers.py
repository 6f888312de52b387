"""PeerService: notices of other coordinators."""

from typing import Any

import grpc

from penstock.api.peer.v1.peer_service_pb2 import DeliverRequest, DeliverResponse
from penstock.api.peer.v1.peer_service_pb2_grpc import PeerServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.coordinator.shell.coordinator import Coordinator

_NOTICES_MAX = 2_000


class PeerRpc(PeerServiceServicer):
    """Hands what comes in to the shell."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def Deliver(
        self, request: DeliverRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> DeliverResponse:
        """Take notices in; answers once what they led to is on disk."""
        if len(request.notices) > _NOTICES_MAX:
            raise InvalidArgument(
                f"{len(request.notices)} notices at once", fix=f"Send at most {_NOTICES_MAX}."
            )
        return DeliverResponse(
            deliveries=await self._coordinator.receiving.deliver(request.notices)
        )
