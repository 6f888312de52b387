"""The effect ledger, read from state."""

import grpc

from penstock.api.workflow.v1.effect_service_pb2 import ListEffectsRequest, ListEffectsResponse
from penstock.api.workflow.v1.effect_service_pb2_grpc import EffectServiceStub
from penstock.common.rpc.channel import call


class StateEffects:
    """`Effects` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = EffectServiceStub(channel)

    async def effects(self, request: ListEffectsRequest, tenant: str) -> ListEffectsResponse:
        """See `Effects.effects`."""
        answer: ListEffectsResponse = await call(self._stub.ListEffects, request, tenant=tenant)
        return answer
