"""PayloadService: large values in and out."""

from typing import Any

import grpc

from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1.state_service_pb2_grpc import PayloadServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.state.payloads.store import PayloadStore

Context = grpc.aio.ServicerContext[Any, Any]


class PayloadService(PayloadServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, payloads: PayloadStore) -> None:
        self._payloads = payloads

    async def PutPayload(
        self, request: pb.PutPayloadRequest, context: Context
    ) -> pb.PutPayloadResponse:
        """Keep a value; the answer means it is on disk."""
        stored = await self._payloads.put(call_tenant(context), request.json)
        answer = pb.PutPayloadResponse()
        answer.ref.digest, answer.ref.size_bytes = stored
        return answer

    async def GetPayload(
        self, request: pb.GetPayloadRequest, context: Context
    ) -> pb.GetPayloadResponse:
        """Give a value back."""
        return pb.GetPayloadResponse(
            json=await self._payloads.get(call_tenant(context), request.digest)
        )
