"""State's reads of the past as the coordinator's port."""

from typing import Any

import grpc

from penstock.api.debug.v1 import debug_service_pb2 as debug
from penstock.api.debug.v1.debug_service_pb2_grpc import DebugQueryServiceStub
from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.history.v1.history_service_pb2_grpc import HistoryQueryServiceStub
from penstock.common.rpc.channel import call

_TIMEOUT_S = 30.0


class StateHistory:
    """Passes through."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = HistoryQueryServiceStub(channel)
        self._debug: Any = DebugQueryServiceStub(channel)

    async def at(self, tenant: str, request: pb.GetExecutionAtRequest) -> pb.GetExecutionAtResponse:
        """An execution as it was."""
        answer: pb.GetExecutionAtResponse = await call(
            self._stub.GetExecutionAt, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def compare(
        self, tenant: str, request: pb.CompareExecutionsRequest
    ) -> pb.CompareExecutionsResponse:
        """Two executions side by side."""
        answer: pb.CompareExecutionsResponse = await call(
            self._stub.CompareExecutions, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def versions(
        self, tenant: str, request: pb.CompareVersionsRequest
    ) -> pb.CompareVersionsResponse:
        """Two versions of a workflow side by side."""
        answer: pb.CompareVersionsResponse = await call(
            self._stub.CompareVersions, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def debug_state(
        self, tenant: str, request: debug.GetDebugRequest
    ) -> debug.GetDebugResponse:
        """Where a debugged execution stands."""
        answer: debug.GetDebugResponse = await call(
            self._debug.GetDebug, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer

    async def inspect_node(
        self, tenant: str, request: debug.InspectNodeRequest
    ) -> debug.InspectNodeResponse:
        """What a node sees."""
        answer: debug.InspectNodeResponse = await call(
            self._debug.InspectNode, request, tenant=tenant, timeout_s=_TIMEOUT_S
        )
        return answer
