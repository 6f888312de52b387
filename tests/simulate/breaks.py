"""Deliberate breaks of the engine, one for each promise that matters: a simulator that does not
find them within a few seeds is not worth its time. `broken(name)` breaks it until the block ends.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from penstock.coordinator.adapters.journal import AppendStream
from penstock.coordinator.core import intervening, on_report, step
from penstock.coordinator.limits.book import Book
from penstock.coordinator.limits.claims import Claims
from penstock.coordinator.shell.appends import Appends
from penstock.coordinator.shell.dispatch.floor import Floor
from penstock.coordinator.shell.dispatch.workers import Worker
from penstock.coordinator.shell.dormancy.sleepers import Sleepers
from penstock.coordinator.shell.hands.answers import Answers
from penstock.coordinator.shell.limits.gate import Gate
from penstock.coordinator.shell.schedules import firing
from penstock.coordinator.shell.schedules.runs import Runs, Started, trigger_of
from penstock.coordinator.shell.turns import Turns
from penstock.gateway.live.topic import Topic
from penstock.state.journal.writer import JournalWriter
from penstock.state.rpc.journal_service import JournalService
from penstock.worker.leases import Session
from penstock.workflow.execution.values import NodeStatus
from support.simulated.database import WatchedJournal
from support.state_twin import MemoryJournal

Patch = tuple[Any, str, Any]


def _hasty_release(original: Callable[..., Any]) -> Callable[..., Any]:
    def attach(self: Appends, released: Any, owed: Any) -> None:
        self._release.carry_out(released, self._clock.monotonic())
        original(self, [], owed)

    return attach


def _holds_any(state: Any, ref: Any, worker: str) -> bool:
    open_ones = (NodeStatus.QUEUED, NodeStatus.RUNNING)
    return state.started is not None and state.status_of(ref) in open_ones


def _without_timers(original: Callable[..., Any]) -> Callable[..., Any]:
    def recover(self: Turns, live: Any, *more: Any) -> Any:
        decided = original(self, live, *more)
        self.timers.set(live.id, 0)
        return decided

    return recover


def _hasty(original: Callable[..., Any]) -> Callable[..., Any]:
    def on_time(turn: Any) -> None:
        turn.now_us += 700_000
        original(turn)
        turn.now_us -= 700_000

    return on_time


def _forgetful(original: Callable[..., Any]) -> Callable[..., Any]:
    def on_signal(turn: Any, signal: Any) -> None:
        turn.state.waits.signal_ids.clear()
        original(turn, signal)

    return on_signal


async def _answer_first(self: JournalWriter, original: Any, gathered: Any, batch: Any) -> None:
    for waiting in gathered:
        waiting.reply()
        waiting.abandoned = True
    await original(self, gathered, batch)


def _hasty_writer(original: Callable[..., Any]) -> Callable[..., Any]:
    async def settle(self: JournalWriter, gathered: Any, batch: Any) -> None:
        await _answer_first(self, original, gathered, batch)

    return settle


def _lossy(original: Callable[..., Any]) -> Callable[..., Any]:
    async def session(self: AppendStream, on_answer: Any) -> bool:
        self._unanswered.clear()
        return bool(await original(self, on_answer))

    return session


def _unfenced(original: Callable[..., Any]) -> Callable[..., Any]:
    async def commit(self: WatchedJournal, batch: Any) -> Any:
        for span in batch.spans.values():
            span.epoch = self.epochs[span.shard]
        return await original(self, batch)

    return commit


def _leaky(original: Callable[..., Any]) -> Callable[..., Any]:
    async def commit(self: MemoryJournal, batch: Any) -> Any:
        written = await original(self, batch)
        for shard in written:
            if len(self.rows[shard]) % 7 == 6:
                self.rows[shard][-1] = self.rows[shard][-2]
        return written

    return commit


def _careless(original: Callable[..., Any]) -> Callable[..., Any]:
    def on_answers(self: Session, report_ids: Any, *, committed: bool) -> None:
        original(self, report_ids, committed=True)

    return on_answers


def _gappy(original: Callable[..., Any]) -> Callable[..., Any]:
    def burst(self: Topic, seq: int) -> Any:
        found = original(self, seq)
        return found[1:] if found is not None and len(found) > 2 else found

    return burst


def _twice_given(original: Callable[..., Any]) -> Callable[..., Any]:
    def give_back(self: Worker, execution: str, ref: Any) -> None:
        original(self, execution, ref)
        if ref.attempt > 1:
            self.free += 1

    return give_back


async def _open_to_all(self: MemoryJournal, tenant: str, execution: str) -> Any:
    return self.executions.get(execution)


def _incomplete(original: Callable[..., Any]) -> Callable[..., Any]:
    async def load(self: JournalService, request: Any, context: Any) -> Any:
        async for part in original(self, request, context):
            if len(part.bodies) > 2:
                del part.bodies[-1]
            yield part

    return load


async def _look_away(self: Sleepers) -> None:
    self._horizon(0, 0, more=False)


def _trusting(original: Callable[..., Any]) -> Callable[..., Any]:
    def doubt(self: Claims, permit: Any, key: str, _: int) -> None:
        self.give_back(permit, key)

    return doubt


def _of(owner: Any, name: str, change: Callable[[Any], Any]) -> Patch:
    return owner, name, change(getattr(owner, name))


BREAKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "commands are released before their commit": lambda: (_of(Appends, "attach", _hasty_release),),
    "state answers before it commits": lambda: (_of(JournalWriter, "_settle", _hasty_writer),),
    "state loses rows that it said were written": lambda: (_of(MemoryJournal, "commit", _leaky),),
    "state does not look at epochs": lambda: (_of(WatchedJournal, "commit", _unfenced),),
    "what was not answered is not said again": lambda: (_of(AppendStream, "_session", _lossy),),
    "stale reports are accepted": lambda: ((on_report, "holds", _holds_any),),
    "timers are forgotten at recovery": lambda: (_of(Turns, "_recover", _without_timers),),
    "timers go off early": lambda: (_of(step, "on_time", _hasty),),
    "sleepers are never looked for": lambda: ((Sleepers, "look", _look_away),),
    "signals are not known again": lambda: (_of(step, "on_signal", _forgetful),),
    "the last row is left out at recovery": lambda: (
        _of(JournalService, "LoadShard", _incomplete),
    ),
    "workers act although they were refused": lambda: (_of(Session, "on_answers", _careless),),
    "a dead worker's attempts are not given up": lambda: (
        (Floor, "give_up_lost", lambda self: self._workers.take_lost()),
    ),
    "a worker's place is given back twice": lambda: (_of(Worker, "give_back", _twice_given),),
    "watchers are not told everything": lambda: (_of(Topic, "burst", _gappy),),
    "reads do not look at the tenant": lambda: ((MemoryJournal, "find", _open_to_all),),
}
"""What is broken, and how."""

LIMIT_BREAKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "slots in doubt are given back at once": lambda: (_of(Claims, "doubt", _trusting),),
    "slots in doubt are kept": lambda: ((Claims, "settle", lambda self, now_us: []),),
    "who takes keys asks nobody": lambda: ((Book, "_may_open", lambda self, shard, now_us: True),),
    "a report gives nothing back": lambda: (
        (Gate, "reported", lambda self, live, permits, said: None),
    ),
}
"""The same of limits; these take a crowd that wants more than there is."""


def _never_busy(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda timing, at, now_us, *, busy: original(timing, at, now_us, busy=False)


def _hasty_slots(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda timing, at, now_us, *, busy: original(timing, at, now_us + 3_000_000, busy=busy)


async def _new_every_time(self: Runs, schedule: Any, slot_us: int, now_us: int) -> Started:
    run = self.id_of(schedule, str(slot_us), str(now_us))
    return await self._start(schedule, run, trigger_of(schedule, slot_us, now_us))


def _unawaited(original: Callable[..., Any]) -> Callable[..., Any]:
    async def start_slot(self: Runs, schedule: Any, slot_us: int, now_us: int) -> Started:
        starting = asyncio.get_running_loop().create_task(original(self, schedule, slot_us, now_us))
        starting.add_done_callback(lambda done: done.cancelled() or done.exception())
        return Started(self._id_of_slot(schedule, slot_us), existing=False)

    return start_slot


CRON_BREAKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "slots do not look at runs that go on": lambda: (_of(firing, "next_step", _never_busy),),
    "slots fire early": lambda: (_of(firing, "next_step", _hasty_slots),),
    "a slot has another run each time": lambda: ((Runs, "start_slot", _new_every_time),),
    "a slot is told before its run is on disk": lambda: (_of(Runs, "start_slot", _unawaited),),
}
"""The same of schedules."""


def _unheard(original: Callable[..., Any]) -> Callable[..., Any]:
    async def answer(self: Answers, tenant: str, answered: Any) -> int:
        telling = asyncio.get_running_loop().create_task(original(self, tenant, answered))
        telling.add_done_callback(lambda done: done.cancelled() or done.exception())
        return int(NodeStatus.COMPLETED)

    return answer


HAND_BREAKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "hands are not known again": lambda: ((intervening, "is_known", lambda *_: False),),
    "answers are acknowledged before they are kept": lambda: (_of(Answers, "answer", _unheard),),
}
"""The same of what people do; these take people."""


VARIABLE_BREAKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "what nodes add to variables is not kept": lambda: (
        (on_report, "change_vars", lambda turn, outcome: None),
    ),
}
"""The same of variables; these take flows that count."""


ALL = BREAKS | LIMIT_BREAKS | CRON_BREAKS | HAND_BREAKS | VARIABLE_BREAKS


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Break the engine until the block ends."""
    with ExitStack() as stack:
        for owner, attribute, stand_in in ALL[name]():
            stack.enter_context(patch.object(owner, attribute, stand_in))
        yield
