"""I11 across executions: what workers really do at any instant, counted without the engine's help.

The watch hears of every call that a worker makes into the sandbox and of every request that it
makes outside, and knows until when it waits for the answer: that long an attempt runs. Which keys
an attempt is under it reads in the plan and works out itself. Rates are judged by what the owner of
a key lets go, and nothing under a rate may come to a worker that was not let go.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.coordinator.limits.permits import PermitId, Told, Verdict, split_key
from penstock.coordinator.limits.slots import Slots
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan
from support.simulated.fabric import CURRENT, Process
from support.simulated.flows import LIST
from support.simulated.outside import Attempt
from support.simulated.spoken import tasks_of

Key = tuple[str, str]
"""Account and text of a limit."""


@dataclass(frozen=True, eq=False)
class Work:
    """A worker waits for an answer: as long as it does, the attempt runs. `node` is an id or a
    place in the plan."""

    process: Process
    execution: str
    node: str | int
    item: int
    attempt: int
    since: float
    goes_on: Callable[[], bool]

    @property
    def ref(self) -> tuple[str, str | int, int, int]:
        """Which attempt it is."""
        return self.execution, self.node, self.item, self.attempt


class LimitWatch:
    """Judges slots whenever work begins, and rates whenever something is let go."""

    def __init__(self, fabric: Any, histories: dict[str, Any], fence_s: float, blame: Any) -> None:
        self._fabric = fabric
        self._histories = histories
        self._fence_s = fence_s
        self._blame = blame
        self._unknown: list[Work] = []
        self._at_work: dict[Key, list[Work]] = defaultdict(list)
        self._begun: dict[Key, dict[str, None]] = defaultdict(dict)
        self._let_go: dict[Key, deque[float]] = defaultdict(deque)
        self._free: set[PermitId] = set()
        self._full: set[Key] = set()
        self.granted = 0
        fabric.work = self
        fabric.taps.append(self._hear)
        fabric.outside.askers.append(self._acts)

    @property
    def crowded(self) -> int:
        """Limits under which as many ran at a time as may."""
        return len(self._full)

    # What runs

    def _acts(self, process: Process, attempt: Attempt, goes_on: Callable[[], bool]) -> None:
        self.begin(Work(process, *attempt, self._fabric.now(), goes_on))

    def begin(self, work: Work) -> None:
        """A worker begins to wait for something that an attempt asked for. Its start may still be
        on its way to the disk; then it is judged a little later."""
        unknown, self._unknown = [*self._unknown, work], []
        for one in unknown:
            if one.execution in self._histories:
                self._judge(one)
            else:
                self._unknown.append(one)

    def _judge(self, work: Work) -> None:
        history = self._histories[work.execution]
        plan: Plan = history.plan
        if not plan.gated:
            return
        index = plan.index_of(work.node) if isinstance(work.node, str) else work.node
        node, work = plan.nodes[index], replace(work, node=index)
        if plan.concurrency is not None:
            key = (history.tenant, plan.concurrency.key or plan.name)
            self._at_work[key].append(work)
            self._begun[key][work.execution] = None
            self._count_runs(key, plan.concurrency.limit)
        if node.concurrency is not None and (work.item or node.for_each is None):
            text = rendered(node.concurrency.key or f"{plan.name}/{node.id}", work.item)
            key = (history.tenant, text)
            self._at_work[key].append(work)
            self._count(key, node.concurrency.limit)

    def _going_on(self, key: Key) -> list[Work]:
        going_on = [one for one in self._at_work[key] if one.process.alive and one.goes_on()]
        self._at_work[key] = going_on
        return [one for one in going_on if not self._slept(one)]

    def _slept(self, work: Work) -> bool:
        """True if the process was frozen meanwhile for longer than anybody waits for it: that no
        limit can hold (`docs/guides/scheduling.md`)."""
        return any(
            begun >= work.since and (over or self._fabric.now()) - begun > self._fence_s
            for begun, over in work.process.freezes
        )

    def _count(self, key: Key, limit: int) -> None:
        running = {one.ref for one in self._going_on(key)}
        if len(running) == limit:
            self._full.add(key)
        if len(running) > limit:
            self._blame(f"{len(running)} run under {key[1]!r}, which allows {limit}: {running}")

    def _count_runs(self, key: Key, limit: int) -> None:
        at_work = {one.execution for one in self._going_on(key)}
        begun = self._begun[key]
        for execution in [one for one in begun if one not in at_work]:
            if self._histories[execution].ended:
                del begun[execution]
        if len(begun) == limit:
            self._full.add(key)
        if len(begun) > limit:
            self._blame(f"{len(begun)} runs go on under {key[1]!r} (limit {limit}): {list(begun)}")

    # What is let go

    def let_go(self, told: Told) -> None:
        """The owner of a key has decided."""
        kind, tenant, text = split_key(told.key)
        if kind != "rate" or told.verdict is not Verdict.GRANTED:
            return
        self.granted += 1
        self._free.add(told.permit)
        plan: Plan = self._histories[told.permit.execution_id].plan
        node = told.permit.node
        rate = plan.rate_limit if node < 0 else plan.nodes[node].rate_limit
        assert rate is not None
        now, times = self._fabric.now(), self._let_go[(tenant, text)]
        times.append(now)
        while times[0] <= now - rate.per_s + 1e-5:
            times.popleft()
        if len(times) > rate.limit:
            self._blame(f"{len(times)} were let go under {text!r} within {rate.per_s} s")

    def _hear(self, what: str, _: Process, __: Process, message: Any) -> None:
        if what != "sent" or not isinstance(message, dispatch.WorkResponse):
            return
        for group in message.tasks:
            history = self._histories.get(group.execution_id)
            if history is None or not history.plan.gated:
                continue
            for ref in tasks_of(group):
                self._handed(group.execution_id, history.plan, ref)

    def _handed(self, execution: str, plan: Plan, ref: NodeRef) -> None:
        node = plan.nodes[ref.node]
        if plan.rate_limit is not None and PermitId(execution) not in self._free:
            self._blame(f"{node.id} of {execution} was handed out, its run not let go")
        makes_list = node.for_each is not None and not ref.item
        if (
            node.rate_limit is not None
            and not makes_list
            and PermitId(execution, ref.node, ref.item, ref.attempt) not in self._free
        ):
            self._blame(f"{node.id} ({ref}) of {execution} was handed out, not let go")


def rendered(key: str, item: int) -> str:
    """What a key comes to."""
    return key.replace("${{ item }}", str(LIST[item - 1])) if item else key


def left_of(shell: Any) -> Iterator[str]:
    """Slots that a coordinator keeps, as owner or as asker, and those it has waiting."""
    for permit, key in shell.limits.claims._claims:
        yield f"a claim of {permit} under {split_key(key)[2]!r}"
    for key, limit in shell.limits.book:
        if isinstance(limit, Slots) and limit.holders:
            yield f"slots under {split_key(key)[2]!r} for {list(limit.holders)}"
        for ask in limit.line:
            yield f"a place in line under {split_key(key)[2]!r} for {ask.permit}"


def waits_at_gate(shell: Any, live: Any, ref: NodeRef) -> bool:
    """True if an attempt waits for a permit that somebody was asked for."""
    permits = live.permits
    if permits is None or ref not in shell.gate.kept(permits):
        return False
    entries = [entry for _, entry in permits if entry.ref in (ref, None)]
    asked = [entry.steps[entry.at] for entry in entries if entry.at < len(entry.steps)]
    return bool(permits.fetching) or any(
        shell.limits.claims.find(ask.permit, ask.key) is not None for ask in asked
    )


# How the watch hears of it


def submitting(original: Callable[..., Any]) -> Callable[..., Any]:
    """In place of the sandbox client's `submit`: a call is under way until it has its result."""

    def submit(client: Any, pending: Any) -> Any:
        call_id = original(client, pending)
        process, attempt = CURRENT.get(), _attempt_of(pending)
        if attempt is not None:
            since = process.fabric.now()
            goes_on = lambda: client._pending.get(call_id) is pending  # noqa: E731
            process.fabric.work.begin(Work(process, *attempt, since, goes_on))
        return call_id

    return submit


def _attempt_of(pending: Any) -> tuple[str, str | int, int, int] | None:
    """Whose call it is: the lease says it, or what the script is told of its run. None for one that
    only evaluates an expression."""
    lease = getattr(pending, "lease", None)
    if lease is not None:
        execution, node, item, attempt = lease.key
        return execution, node, item, attempt
    if not pending.call.run_json:
        return None
    run, step = json.loads(pending.call.run_json), pending.call.steps[0]
    item = LIST.index(json.loads(step.item_json)) + 1 if step.item_json else 0
    return run["id"], step.node_id, item, run["attempt"]


def delivering(original: Callable[..., Any]) -> Callable[..., Any]:
    """In place of the delivery of answers by who owns a key."""

    def deliver(limits: Any, told: Told) -> None:
        shard = limits.book.shards.get(limits._shard_of(told.key))
        if shard is not None and shard.epoch == told.epoch:
            CURRENT.get().fabric.work.let_go(told)
        original(limits, told)

    return deliver
