"""Why does a node not run? One sentence for each node that has not ended.

What the journal says (parents, timers, signals, retries) comes from the fold; what only this
coordinator knows, which workers there are and what waits for them, is added here. Other parts of
the shell that hold work back offer their own sentence, which comes first.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from penstock.coordinator.queueing.kinds import MILLI, Demand, Kind
from penstock.coordinator.shell.dispatch.placement import room_of
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.standing import Standing
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.limits.limit_reasons import items_waiting
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.place import place_text
from penstock.workflow.execution.values import NodeRef, NodeStatus
from penstock.workflow.execution.view import items_asleep, paused_text, waiting_for

Why = Callable[[int], str | None]
"""The sentence of a part of the shell that holds a node back; None if it does not."""

About = Callable[[Live], Why]
"""What a part of the shell says of an execution, made anew for each answer."""


class Reason(NamedTuple):
    """Why a node has not ended."""

    node: str
    status: int
    attempt: int
    why: str


class Explaining:
    """Answers for executions in memory. `offers` are asked in turn, the first answer counts."""

    def __init__(self, workers: Workers, ready: ReadyQueues, offers: Sequence[About] = ()) -> None:
        self._workers = workers
        self._ready = ready
        self._offers = list(offers)

    def offer(self, about: About) -> None:
        """A part of the shell can hold nodes back, and says why."""
        self._offers.append(about)

    def explain(self, live: Live) -> list[Reason]:
        """Every node that has not ended, in plan order; O(nodes + what waits)."""
        state, standing = live.state, Standing(self._ready, live, self.why)
        whys = [about(live) for about in self._offers]

        def sentence(node: int) -> str:
            if live.early is not None:
                return "The coordinator has just taken it over and asks the workers what they have."
            offered = (why(node) for why in whys)
            return next(filter(None, offered), None) or self._why(live, node, standing)

        return [
            Reason(node.id, status, state.attempts[node.index], sentence(node.index))
            for node in live.plan.nodes
            if (status := state.status[node.index]) < NodeStatus.COMPLETED and not node.hidden
        ]

    def _why(self, live: Live, node: int, standing: Standing) -> str:
        state = live.state
        if node in state.fan_outs:
            return self._items(live, node)
        if state.status[node] in (NodeStatus.QUEUED, NodeStatus.RUNNING):
            return self._attempt(live, NodeRef(node, 0, state.attempts[node]), standing)
        return waiting_for(state, node)

    def _attempt(self, live: Live, ref: NodeRef, standing: Standing) -> str:
        state = live.state
        holder = state.holders.get(state.key(ref))
        if holder is None:
            if state.is_paused or live.plan.nodes[ref.node].collects:
                return waiting_for(state, ref.node)
            tries = f" It is attempt {ref.attempt}." if ref.attempt > 1 else ""
            return standing.text(ref) + tries
        tries = f" (attempt {ref.attempt})" if ref.attempt > 1 else ""
        if state.status_of(ref) == NodeStatus.RUNNING:
            return f"Runs on worker {holder}{tries}."
        return f"Is with worker {holder}{tries}, which begins as soon as it can."

    def _items(self, live: Live, node: int) -> str:
        """A fan-out: what its items do."""
        items = live.state.fan_outs[node]
        size = live.state.tables.size
        held = sum(1 for key in live.state.holders if key % size == node and key >= size)
        open_ones = items.status[: items.opened]
        waiting = sum(1 for status in open_ones if status == NodeStatus.QUEUED)
        running = sum(1 for status in open_ones if status == NodeStatus.RUNNING)
        asleep = items_asleep(live.state, node)
        queued = max(0, waiting + running - held)
        parts = [f"{items.done:,} of {items.count:,} items are done"]
        parts += [f"{held:,} are with workers"] if held else []
        parts += [asleep] if asleep else []
        kept_back = items.count - items.opened
        parts += [f"{kept_back:,} follow ({items.window:,} at once)"] if kept_back else []
        text = ", ".join(parts) + "."
        at_limits, limit = items_waiting(live, node)
        if at_limits:
            text += f" {at_limits:,} wait. {limit}"
            queued = max(0, queued - at_limits)
        if queued:
            why = (
                paused_text(live.state) if live.state.is_paused else self.why(live.slots[node].kind)
            )
            text += f" {queued:,} wait. {why}"
        return text

    def why(self, kind: Kind) -> str:
        """What attempts of a kind wait for."""
        demand = kind.demand or Demand()
        resources = {name: amount / MILLI for name, amount in demand.resources}
        place = place_text(kind.pool, dict(demand.labels), resources)
        wanted = f"Waits for a worker {place}"
        there = self._workers.in_pool(kind.pool)
        if not there:
            return f"{wanted}: none is there."
        able = [worker for worker in there if kind.uses in worker.kinds]
        if not able:
            return f"{wanted}: none of the {len(there)} there runs {kind.uses}."
        suits = [worker for worker in able if demand.has_labels(worker.labels)]
        if not suits:
            return f"{wanted}: none of the {len(able)} there has these labels."
        fits = [worker for worker in suits if demand.allows(worker.labels, worker.ledger.capacity)]
        if not fits:
            return f"{wanted}: none of the {len(suits)} there ever has that much."
        return f"Waits for a free worker {place}{_how_full(fits, demand)}."

    def suiting(self, kind: Kind) -> list[Worker]:
        """Workers that could run attempts of a kind, now or later."""
        demand = kind.demand or Demand()
        return [
            worker
            for worker in self._workers.in_pool(kind.pool)
            if kind.uses in worker.kinds and demand.allows(worker.labels, worker.ledger.capacity)
        ]


def _how_full(workers: Sequence[Worker], demand: Demand) -> str:
    """Why none of these takes it now; empty if one does."""
    if any(room_of(worker, demand.resources) > 0 for worker in workers):
        return ""
    who = "the one there" if len(workers) == 1 else f"all {len(workers)}"
    if any(worker.free > 0 for worker in workers):
        return f": what {who} had is in use"
    return f": {who} {'is' if len(workers) == 1 else 'are'} full"
