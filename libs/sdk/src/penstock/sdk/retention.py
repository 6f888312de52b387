"""What retention would remove, through the client: `client.retention`."""

import msgspec

from penstock.sdk.transport import Call, Transport


class WorkflowRetention(msgspec.Struct, frozen=True, kw_only=True):
    """How long ended executions of a workflow are kept (None: for ever), and how many would go
    now."""

    workflow: str
    completed_s: float | None = None
    failed_s: float | None = None
    executions: int = 0


class RetentionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the next sweep would remove if it came now. Without `exact` there are at least so
    many."""

    executions: int = 0
    payloads: int = 0
    operations: int = 0
    exact: bool = True
    workflows: tuple[WorkflowRetention, ...] = ()


class RetentionClient:
    """Looks, and removes nothing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def preview(self) -> RetentionReport:
        """A dry run of the sweep."""
        return await self._transport.ask(Call("GET", "/v1/retention"), RetentionReport)
