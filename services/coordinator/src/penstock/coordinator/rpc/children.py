"""ChildrenService: sub-workflows of an execution, read through state."""

from typing import Any

import grpc

from penstock.api.workflow.v1.children_service_pb2 import ListChildrenRequest, ListChildrenResponse
from penstock.api.workflow.v1.children_service_pb2_grpc import ChildrenServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.coordinator import Coordinator


class ChildrenRpc(ChildrenServiceServicer):
    """Passes reads on."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._queries = coordinator.state.children

    async def ListChildren(
        self, request: ListChildrenRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ListChildrenResponse:
        """A page."""
        return await self._queries.list_children(call_tenant(context), request)
