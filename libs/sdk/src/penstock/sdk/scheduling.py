"""Queues, and why nodes wait, through the client: `client.scheduling`."""

from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the same workers. `oldest_s` is how long the one that came first has waited,
    `workers` how many could run them."""

    pool: str
    node_type: str
    labels: dict[str, str] = {}
    resources: dict[str, float] = {}
    waiting: int = 0
    oldest_s: float = 0.0
    workers: int = 0
    why: str = ""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The workers of a pool, and what waits for them."""

    pool: str
    workers: int = 0
    waiting: int = 0
    oldest_s: float = 0.0


class QueueReport(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at all coordinators."""

    waiting: int
    oldest_s: float = 0.0
    pools: tuple[Pool, ...] = ()
    queues: tuple[Queue, ...] = ()


class NodeReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a node has not ended."""

    node: str
    status: str
    attempt: int = 0
    why: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an execution is where it is: its nodes that have not ended."""

    id: str
    status: str
    nodes: tuple[NodeReason, ...] = ()


class SchedulingClient:
    """Reads what waits, and why."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def queues(self) -> QueueReport:
        """What waits for workers, over all coordinators."""
        return await self._transport.ask(Call("GET", "/v1/queues"), QueueReport)

    async def explain(self, execution_id: str) -> Explanation:
        """Why the nodes of an execution have not ended."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/why"
        return await self._transport.ask(Call("GET", path), Explanation)
