"""How much accounts use, counted by state."""

from typing import Any

import grpc

from penstock.api.state.v1 import usage_service_pb2 as pb
from penstock.api.state.v1.usage_service_pb2_grpc import UsageServiceStub
from penstock.common.rpc.channel import call


class StateUsage:
    """`Usage` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = UsageServiceStub(channel)

    async def live(self, tenant: str, workflow: str) -> int:
        """Executions that have not ended."""
        request = pb.CountUsageRequest(workflow=workflow, live=True)
        answer = await call(self._stub.CountUsage, request, tenant=tenant)
        return int(answer.count)

    async def started(self, tenant: str, workflow: str, since_us: int, nth: int) -> tuple[int, int]:
        """Executions started after an instant, and when the nth from the last one was, 0 if there
        are fewer."""
        request = pb.CountUsageRequest(workflow=workflow, nth=nth)
        request.since.FromMicroseconds(max(0, since_us))
        answer = await call(self._stub.CountUsage, request, tenant=tenant)
        has_nth = answer.HasField("nth_started_at")
        return int(answer.count), answer.nth_started_at.ToMicroseconds() if has_nth else 0
