"""Sub-workflows through the client: `client.children`."""

from urllib.parse import quote

import msgspec

from penstock.sdk.models import ExecutionSummary
from penstock.sdk.transport import Call, Transport


class Child(msgspec.Struct, frozen=True):
    """An execution and the node that started it; `item` counts from 0 within a for-each. Without a
    node it was started because the execution failed."""

    execution: ExecutionSummary
    node: str | None = None
    item: int | None = None
    attempt: int = 0


class ChildPage(msgspec.Struct, frozen=True):
    """A page of sub-workflows; `next_cursor` is None on the last one."""

    items: tuple[Child, ...]
    next_cursor: str | None = None


class ChildrenClient:
    """Reads sub-workflows."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self, execution_id: str, *, node: str = "", limit: int = 50, cursor: str = ""
    ) -> ChildPage:
        """Executions that the nodes of an execution started, in the order of nodes, items and
        attempts."""
        query = {"limit": str(limit)}
        query |= {"node": node} if node else {}
        query |= {"cursor": cursor} if cursor else {}
        path = f"/v1/executions/{quote(execution_id, safe='')}/children"
        return await self._transport.ask(Call("GET", path, query), ChildPage)
