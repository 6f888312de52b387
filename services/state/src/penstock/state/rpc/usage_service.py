"""UsageService: how much of its quotas an account uses. The account of a call restricts it."""

from typing import Any

import grpc

from penstock.api.state.v1 import usage_service_pb2 as pb
from penstock.api.state.v1.usage_service_pb2_grpc import UsageServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.rpc.server import call_tenant
from penstock.state.rpc.checks import check_storable
from penstock.state.usage_ports import UsageStore

Context = grpc.aio.ServicerContext[Any, Any]


class UsageService(UsageServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, usage: UsageStore) -> None:
        self._usage = usage

    async def CountUsage(
        self, request: pb.CountUsageRequest, context: Context
    ) -> pb.CountUsageResponse:
        """A count, and when the nth start from the last one was."""
        check_storable(workflow=request.workflow)
        if request.nth < 0:
            raise InvalidArgument("nth is below 0", path="nth", fix="Give 0 or more.")
        tenant, workflow = call_tenant(context), request.workflow
        if request.live:
            return pb.CountUsageResponse(count=await self._usage.live(tenant, workflow))
        since_us = request.since.ToMicroseconds()
        answer = pb.CountUsageResponse(count=await self._usage.started(tenant, workflow, since_us))
        if 0 < request.nth <= answer.count:
            at_us = await self._usage.nth_start(tenant, workflow, request.nth)
            answer.nth_started_at.FromMicroseconds(at_us)
        return answer
