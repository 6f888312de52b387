"""The public JSON of queues and of why nodes wait."""

import msgspec


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the same workers: attempts of nodes that ask the same. `oldest_s` is how long
    the one that came first has waited, `workers` how many could run them, busy or not."""

    pool: str
    node_type: str
    labels: dict[str, str]
    resources: dict[str, float]
    waiting: int
    oldest_s: float
    workers: int
    why: str


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The workers of a pool that take tasks, and what waits for them."""

    pool: str
    workers: int
    waiting: int
    oldest_s: float


class QueueReport(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at all coordinators, the longest queue first."""

    waiting: int
    oldest_s: float
    pools: tuple[Pool, ...]
    queues: tuple[Queue, ...]


class NodeReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a node has not ended, in one sentence."""

    node: str
    status: str
    attempt: int
    why: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an execution is where it is: its nodes that have not ended."""

    id: str
    status: str
    nodes: tuple[NodeReason, ...]
