"""What the routes of sub-workflows need."""

from typing import Protocol

from penstock.api.workflow.v1.children_service_pb2 import ListChildrenRequest, ListChildrenResponse


class Children(Protocol):
    """Sub-workflows of executions."""

    async def page(self, request: ListChildrenRequest, tenant: str) -> ListChildrenResponse:
        """Those of one execution; raises `NotFound`."""
        ...
