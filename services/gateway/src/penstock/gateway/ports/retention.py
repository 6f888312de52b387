"""What the route of retention needs."""

from typing import Protocol

from penstock.api.state.v1.retention_service_pb2 import PreviewRetentionResponse


class Retention(Protocol):
    """State's view of what was kept long enough."""

    async def preview(self, tenant: str) -> PreviewRetentionResponse:
        """What would be removed of an account now."""
        ...
