"""Ready queues and workers of a coordinator without streams: who gets what."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.coordinator.core.inputs import Start
from penstock.coordinator.core.step import step
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.shell.dispatch.balances import Balance
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Live, Shard
from penstock.workflow.execution.events import ExecutionStarted, StartOptions
from penstock.workflow.execution.values import NULL, NodeRef, Payload
from penstock.workflow.plan import NodePlan, Plan

AGEING_S = 30.0
SHARD = Shard(0, 1, 0)


class TurnedClock:
    """A clock that only tests turn."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def now_us(self) -> int:
        return round(self.now * 1e6)


def live_of(
    name: str,
    count: int = 1,
    *,
    tenant: str = "default",
    options: StartOptions | None = None,
    deadline_s: float = 0.0,
    node: Mapping[str, Any] | None = None,
    params: Payload = NULL,
) -> Live:
    """An execution of `count` equal start nodes that has begun."""
    nodes = tuple(NodePlan(n, f"n{n}", **{"uses": "js@1", **(node or {})}) for n in range(count))
    live = Live(name, tenant, SHARD, Plan("p", "h", nodes, 0, deadline_s=deadline_s))
    started = ExecutionStarted("p", 1, "h", tenant, params, options=options)
    step(live.state, Start(started), 1)
    return live


class Desk:
    """Queues, workers, and a note of who got what: (worker, execution, attempts)."""

    def __init__(
        self,
        *,
        weights: Mapping[str, float] | None = None,
        balances: Mapping[str, Balance] | None = None,
    ) -> None:
        self.clock = TurnedClock()
        self.workers = Workers(self.clock, balances)
        self.ready = ReadyQueues(self.clock, FairRules(AGEING_S, weights or {}))
        self.given: list[tuple[str, str, int]] = []
        self._held: list[tuple[Worker, Live, NodeRef]] = []

    def join(self, name: str, credit_count: int = 100, **more: Any) -> Worker:
        """A worker comes."""
        hello = Hello(worker_id=name, credits=credit_count, node_types=["js@1"], **more)
        return self.workers.arrive(hello)[0]

    def put(self, live: Live) -> Live:
        """All nodes of an execution are ready."""
        self.ready.add(live, tuple(NodeRef(n) for n in range(len(live.plan.nodes))))
        return live

    def hand_out(self) -> list[tuple[str, str, int]]:
        """Give out what can be; returns what was given."""
        before = len(self.given)
        self.ready.hand_out(self.workers.serving, self._hand_over)
        return self.given[before:]

    def names(self) -> list[str]:
        """The executions in the order in which they went."""
        return [name for _, name, _ in self.given]

    def running(self) -> list[str]:
        """The executions that workers have attempts of, the oldest first."""
        return list(dict.fromkeys(live.id for _, live, _ in self._held))

    def _hand_over(self, worker: Worker, live: Live, refs: Sequence[NodeRef], part: bool) -> None:
        worker.free -= len(refs)
        live.favourite = worker
        for ref in refs:
            worker.hold(live.id, ref, live.slots[ref.node].kind)
            self._held.append((worker, live, ref))
        self.given.append((worker.id, live.id, len(refs)))

    def give_back(self, name: str) -> None:
        """Everything of an execution that workers have has ended."""
        for worker, live, ref in self._held:
            if live.id == name:
                worker.give_back(live.id, ref)
        self._held = [one for one in self._held if one[1].id != name]
