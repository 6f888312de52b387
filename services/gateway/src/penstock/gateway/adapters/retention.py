"""What retention would remove, asked of state."""

import grpc

from penstock.api.state.v1 import retention_service_pb2 as pb
from penstock.api.state.v1.retention_service_pb2_grpc import RetentionServiceStub
from penstock.common.rpc.channel import call

_LOOK_S = 30.0
"""It looks at many executions."""


class StateRetention:
    """`Retention` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = RetentionServiceStub(channel)

    async def preview(self, tenant: str) -> pb.PreviewRetentionResponse:
        """See `Retention.preview`."""
        answer: pb.PreviewRetentionResponse = await call(
            self._stub.PreviewRetention,
            pb.PreviewRetentionRequest(),
            tenant=tenant,
            timeout_s=_LOOK_S,
        )
        return answer
