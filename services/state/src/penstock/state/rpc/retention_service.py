"""RetentionService: what would be removed now. The account of a call restricts it."""

from typing import Any

import grpc

from penstock.api.state.v1 import retention_service_pb2 as pb
from penstock.api.state.v1.retention_service_pb2_grpc import RetentionServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.state.keeping.preview import Preview

Context = grpc.aio.ServicerContext[Any, Any]


class RetentionService(RetentionServiceServicer):
    """Asks the preview."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview

    async def PreviewRetention(
        self, request: pb.PreviewRetentionRequest, context: Context
    ) -> pb.PreviewRetentionResponse:
        """Counts of the account."""
        due = await self._preview.now(call_tenant(context))
        answer = pb.PreviewRetentionResponse(
            payloads=due.payloads, exact=due.exact, operations=due.operations
        )
        for policy, count in due.executions:
            one = answer.workflows.add(workflow=policy.workflow, executions=count)
            if policy.completed_us:
                one.completed.FromMicroseconds(policy.completed_us)
            if policy.failed_us:
                one.failed.FromMicroseconds(policy.failed_us)
        return answer
