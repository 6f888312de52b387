"""State's reads of the past as a twin that only notes them."""

from penstock.api.debug.v1 import debug_service_pb2 as debug
from penstock.api.history.v1 import history_service_pb2 as history


class MemoryHistory:
    """Notes what is asked for: the answers are state's own business."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    async def at(
        self, tenant: str, request: history.GetExecutionAtRequest
    ) -> history.GetExecutionAtResponse:
        self._calls.append("get_execution_at")
        return history.GetExecutionAtResponse()

    async def compare(
        self, tenant: str, request: history.CompareExecutionsRequest
    ) -> history.CompareExecutionsResponse:
        self._calls.append("compare_executions")
        return history.CompareExecutionsResponse()

    async def versions(
        self, tenant: str, request: history.CompareVersionsRequest
    ) -> history.CompareVersionsResponse:
        self._calls.append("compare_versions")
        return history.CompareVersionsResponse()

    async def debug_state(
        self, tenant: str, request: debug.GetDebugRequest
    ) -> debug.GetDebugResponse:
        self._calls.append("get_debug")
        return debug.GetDebugResponse()

    async def inspect_node(
        self, tenant: str, request: debug.InspectNodeRequest
    ) -> debug.InspectNodeResponse:
        self._calls.append("inspect_node")
        return debug.InspectNodeResponse()
