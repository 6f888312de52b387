"""The self-audit: a running coordinator checks its own executions, slowly and for ever.

It looks at one execution at a time: is the fold of its journal what is held in memory (I6), will
everything that has not ended be taken further by somebody (I4), is its timer set, does its history
keep the rules (I2, I3, I5)? And at one shard at a time: is everything that has not ended in memory
or at rest (I1), is nobody asleep past the time? Work under way can look like a fault, so whatever
is seen is looked at again before it counts. Nothing is changed here; `mending` does that, when
somebody asks for it.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cache, partial

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.clock import Clock
from penstock.common.errors import PenstockError
from penstock.common.journal_codec import batch_from_proto
from penstock.common.logging import get_logger
from penstock.common.pacing import Pace
from penstock.coordinator.core.audit import Fault, FaultKind, differences, orphans
from penstock.coordinator.core.history_audit import HistoryAudit
from penstock.coordinator.core.step import next_wake_us
from penstock.coordinator.limits.permits import split_key
from penstock.coordinator.ports import LiveRow, State
from penstock.coordinator.shell.audit.findings import (
    FINDINGS_MAX,
    REPAIRS,
    Finding,
    Findings,
    subject_of_shard,
)
from penstock.coordinator.shell.audit.waiting import Waiting
from penstock.coordinator.shell.dispatch.release import Release
from penstock.coordinator.shell.dormancy.awakening import Awakening
from penstock.coordinator.shell.joins import StoredJoins
from penstock.coordinator.shell.live import Executions, Live, Phase, Shard
from penstock.coordinator.shell.measures import Measures
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.turns import Turns
from penstock.workflow.execution.fold import BrokenHistory, ExecutionState

_SECOND_LOOK_S = 2.0
_IDLE_S = 5.0
_SETTLED_US = 5_000_000
_SHARD_PAUSES = 4
"""After a look at a shard, which asks the database, so many pauses: most shards are idle."""
_PAGE = 1_000
_AT_ONCE = 250
_EVENTS_MAX = 100_000
"""Longer histories are not folded again: a second of work each."""
_LATE_US = 90_000_000
"""A sleeper that is due for longer than looking for sleepers takes, twice, was forgotten."""

Look = Callable[[], Awaitable[list[Finding] | None]]
"""One look at an execution or a shard: what is wrong, None if that cannot be told now."""


@dataclasses.dataclass(frozen=True, slots=True)
class Audited:
    """The parts of the shell that the audit looks into."""

    executions: Executions
    shards: Shards
    turns: Turns
    release: Release
    joins: StoredJoins
    awakening: Awakening
    waiting: Waiting


class Audit:
    """Looks; `period_s` is the pause after each, longer after shards, 0 for no audit by itself."""

    def __init__(
        self,
        audited: Audited,
        stored: State,
        clock: Clock,
        measures: Measures,
        period_s: float,
    ) -> None:
        self._of = audited
        self._stored = stored
        self._clock = clock
        self._measures = measures
        self._period_s = period_s
        self._log = get_logger("audit")
        self.findings = Findings()
        self.checked = 0
        self._looking = asyncio.Lock()
        self._resting: dict[int, int] = {}
        self.rounds = 0

    @property
    def resting(self) -> int:
        """Executions at rest in our shards, when they were looked at last."""
        return sum(self._resting.get(number, 0) for number in self._of.shards.owned)

    async def run(self) -> None:
        """Go round for ever."""
        while self._period_s:
            await self.go_round(self._period_s)
            await asyncio.sleep(_IDLE_S)

    async def go_round(self, pause_s: float = 0.0) -> None:
        """Look at every shard that is ours and every execution in memory, once. With a pause,
        executions that have just begun are let be: they move, so that nothing can be told yet."""
        for shard in list(self._of.shards.owned.values()):
            await self._be_sure(subject_of_shard(shard.number), partial(self._look_at_shard, shard))
            await asyncio.sleep(_SHARD_PAUSES * pause_s)
            for live in list(shard.executions.values()):
                if not pause_s or self._is_settled(live):
                    await self.look_at(live.id)
                    await asyncio.sleep(pause_s)
        self.rounds += 1
        shards = {subject_of_shard(number) for number in self._of.shards.owned}
        self.findings.keep(lambda each: each in shards or each in self._of.executions.by_id)

    async def look_at(self, execution_id: str) -> None:
        """Look at one execution, if it is in memory."""
        live = self._of.executions.get(execution_id)
        if live is not None:
            await self._be_sure(live.id, partial(self._look_at_live, live))

    async def _be_sure(self, subject: str, look: Look) -> None:
        """Look, and look again at what is suspicious; one subject after the other, for two who go
        round at the same time would take each other's first look for the second."""
        async with self._looking:
            if await self._take_a_look(subject, look):
                await asyncio.sleep(_SECOND_LOOK_S)
                await self._take_a_look(subject, look)

    async def _take_a_look(self, subject: str, look: Look) -> bool:
        """True if something was seen that may be a fault."""
        try:
            seen = await look()
        except PenstockError as error:
            self._log.debug("audit_interrupted", subject=subject, error=str(error))
            seen = None
        if seen is None:
            self.findings.not_told(subject)
            return False
        self.checked += 1
        self._measures.audited.inc()
        for finding in self.findings.looked(subject, seen):
            self._measures.faults.labels(finding.invariant).inc()
            self._log.error(
                "invariant_broken",
                invariant=finding.invariant,
                execution=finding.execution_id,
                shard=finding.shard,
                fault=finding.message,
            )
        return bool(seen)

    async def _look_at_live(self, live: Live) -> list[Finding] | None:
        seq = live.state.seq
        folded, told = await self._fold(live)
        if self._is_moving(live) or live.state.seq != seq:
            return None
        faults = [*self._faults_of(live), *told, *_compared(live.state, folded)]
        return [self._finding(fault, live.tenant, live.id, live.shard) for fault in faults]

    def _is_settled(self, live: Live) -> bool:
        return live.state.started_us < self._clock.now_us() - _SETTLED_US

    def _is_moving(self, live: Live) -> bool:
        """True if what is held cannot be judged now."""
        return (
            live.gone
            or live.early is not None
            or live.shard.phase is not Phase.OWNED
            or self._of.turns.appends.stalled
        )

    async def _fold(self, live: Live) -> tuple[ExecutionState | None, list[Fault]]:
        """The state as the journal has it, None if it cannot be folded or is too long, and what is
        wrong with the history."""
        if live.state.seq > _EVENTS_MAX:
            return None, []
        state, history, pace = ExecutionState(live.plan), HistoryAudit(live.plan), Pace()
        try:
            async for batch in self._batches(live):
                _, first_seq, at_us, events = batch_from_proto(batch)
                for first in range(0, len(events), _AT_ONCE):
                    some = events[first : first + _AT_ONCE]
                    state.apply_batch(some, first_seq + first, at_us)
                    for event in some:
                        history.take(event)
                    await pace.did(len(some))
        except (BrokenHistory, ValueError, LookupError) as error:
            return None, [Fault("I6", f"its journal cannot be folded: {error}")]
        return state, history.faults

    async def _batches(self, live: Live) -> AsyncIterator[EventBatch]:
        seq = 0
        read = self._stored.queries.read_events
        while batches := await read(live.tenant, live.id, seq):
            for batch in batches:
                yield batch
            seq = batches[-1].first_seq + len(batches[-1].events) - 1
            if seq >= live.state.seq:
                return

    def _faults_of(self, live: Live) -> Iterator[Fault]:
        """What can be seen in memory alone."""
        of = self._of
        yield from orphans(
            live.state,
            cache(lambda: of.release.awaiting_workers(live)),
            lambda node: of.joins.is_storing(live, node),
        )
        wake_us = next_wake_us(live.state)
        if wake_us > self._clock.now_us() and not of.turns.timers.is_set(live.id):
            yield Fault("I4", "it waits for a timer that is not set", FaultKind.TIMER)
        if of.waiting.passed_over(live):
            message = "it waits for a worker although one has room"
            yield Fault("I1", message, FaultKind.WAITING)

    def _finding(self, fault: Fault, tenant: str, execution_id: str, shard: Shard) -> Finding:
        return Finding(
            fault.invariant,
            tenant,
            execution_id,
            shard.number,
            fault.message,
            REPAIRS[fault.kind],
            fault.ref,
            self._clock.now_us(),
        )

    async def _look_at_shard(self, shard: Shard) -> list[Finding] | None:
        """Whether everything that has not ended is where it should be."""
        seen: list[Finding] = []
        after, resting = "", 0
        while page := await self._stored.leases.live(shard.number, after, _PAGE):
            if shard.phase is not Phase.OWNED:
                return None
            for row in page:
                resting += row.rests
                fault = self._misplaced(row)
                if fault is not None and len(seen) < FINDINGS_MAX:
                    seen.append(self._finding(fault, row.tenant, row.execution_id, shard))
            after = page[-1].execution_id
            if len(page) < _PAGE:
                break
        self._resting[shard.number] = resting
        return seen + list(self._held_back(shard))

    def _held_back(self, shard: Shard) -> Iterator[Finding]:
        """Who waits under a limit of this shard though it could go on."""
        for key, ask, why in self._of.waiting.overdue(shard.number):
            _, tenant, text = split_key(key)
            execution_id = ask.permit.execution_id
            live = self._of.executions.get(execution_id)
            message = f"it waits under the limit {text!r}, and {why}"
            fault = Fault("I11", message, FaultKind.WAITING)
            yield self._finding(fault, live.tenant if live else tenant, execution_id, shard)

    def _misplaced(self, row: LiveRow) -> Fault | None:
        of = self._of
        if of.executions.get(row.execution_id) or of.awakening.is_waking(row.execution_id):
            return None
        if row.execution_id in of.executions.set_aside:
            return Fault("I6", "it was set aside: its history broke the engine")
        if not row.rests:
            return Fault("I1", "it has not ended, and nobody takes it further")
        if row.wake_us and row.wake_us < self._clock.now_us() - _LATE_US:
            return Fault("I4", "it should have been woken long ago", FaultKind.ASLEEP)
        return None


def _compared(held: ExecutionState, folded: ExecutionState | None) -> Iterator[Fault]:
    """What the journal says otherwise than memory."""
    if folded is None:
        return
    if folded.seq != held.seq:
        yield Fault("I8", f"event {held.seq} was decided, the journal ends with {folded.seq}")
    else:
        yield from differences(held, folded)
