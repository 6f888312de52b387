"""The turn loop: everything that arrived goes through the core, then into one append.

A turn takes the whole inbox, steps the core for each input, makes one journal record per touched
execution, and sends one append over all shards. The next turn begins when that is answered, or
before that if much has gathered: a few appends may be in flight, in order. So a turn is as large as
what gathered while the append before it was on its way: one input when idle, thousands under load,
and never a wait to fill it. Commands are released when the append is answered; only the first nodes
of an execution go out at once if they have no effects: they rest on nothing, and whatever they lead
to waits behind the append of the start.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from penstock.api.state.v1.state_service_pb2 import (
    AppendRequest,
    AppendResponse,
    Projection,
    ShardWrite,
)
from penstock.common.clock import Clock
from penstock.common.errors import Internal, Unavailable
from penstock.common.logging import get_logger
from penstock.coordinator.core.commands import Command, Dispatch
from penstock.coordinator.core.inputs import AttemptStarted, Report, Start, TimePassed
from penstock.coordinator.core.step import Step, next_wake_us, recover, step
from penstock.coordinator.core.weights import weight_of, weight_of_notices
from penstock.coordinator.ports import Journal
from penstock.coordinator.shell.appends import Appends
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.release import MOVED, Release, Released
from penstock.coordinator.shell.dues import Dues
from penstock.coordinator.shell.hands.hand_news import add_news
from penstock.coordinator.shell.live import (
    Caller,
    Confirm,
    Early,
    Executions,
    Happening,
    Live,
    Phase,
    Recovered,
)
from penstock.coordinator.shell.measures import Measures
from penstock.coordinator.shell.records import add_record, body_of
from penstock.coordinator.shell.timers import Timers

_INPUTS_MAX = 4_096
"""Inputs of one turn: bounds how long everything else in the process waits, about 50 ms."""
_INPUTS_WORTH_ANOTHER = 256
"""With an append in flight, fewer inputs than this wait for its answer."""
TURN_BYTES = 8 * 1024 * 1024
"""A turn that has decided more than this takes nothing more in: one execution's part of it is one
record, which is sent in one piece, and messages of more than 64 MiB arrive nowhere."""
_APPEND_BYTES = 8 * 1024 * 1024
"""Above this an append is closed and the turn's rest goes into the next one."""

OnWaiting = Callable[[Live, Projection, int, int], None]
"""Told of a record of an execution in which something waits, that was at rest or that somebody laid
hands on: the record's row, the time of the turn, the append that the record goes into."""


class Turns:
    """One inbox and one loop for all shards of this coordinator."""

    def __init__(
        self,
        journal: Journal,
        executions: Executions,
        release: Release,
        holdings: Holdings,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self.appends = Appends(journal, release, clock, measures)
        self._executions = executions
        self._release = release
        self._holdings = holdings
        self._clock = clock
        self._measures = measures
        self._inbox: deque[tuple[Live, Happening, Caller | None]] = deque()
        self._dues = Dues()
        self._broken = False
        self._wake = asyncio.Event()
        self._log = get_logger("turns")
        self.timers = Timers()
        self.on_waiting: OnWaiting = lambda live, row, now_us, batch_id: None

    @property
    def waiting(self) -> int:
        """How many inputs wait for a turn."""
        return len(self._inbox)

    def put(self, live: Live, happened: Happening, caller: Caller | None = None) -> None:
        """Something happened to an execution; decided in the next turn. Never waits."""
        self._inbox.append((live, happened, caller))
        if not self._wake.is_set():
            self._wake.set()

    def waiting_ids(self) -> set[str]:
        """The executions that have inputs waiting for a turn."""
        return {live.id for live, _, _ in self._inbox}

    async def run(self, in_flight_max: int) -> None:
        """Take turns for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._may_begin(in_flight_max):
                self.take_turn()
                await asyncio.sleep(0)

    def _may_begin(self, in_flight_max: int) -> bool:
        """True if a turn is worth it now: at once when nothing is in flight, else only when much
        has gathered. Many small turns would cost every hop behind them a message each."""
        flying = len(self.appends)
        if not flying:
            return bool(self._inbox)
        return flying < in_flight_max and len(self._inbox) >= _INPUTS_WORTH_ANOTHER

    def take_turn(self) -> None:
        """Decide everything that waits, up to a limit, and send it."""
        now_us = self._clock.now_us()
        inbox = self._inbox
        released: list[Released] = []
        at_once: list[Released] = []
        touched: dict[str, Live] = {}
        gathered = min(len(inbox), _INPUTS_MAX)
        count = outcomes = size = 0
        while count < gathered and size <= TURN_BYTES:
            count += 1
            live, happened, caller = inbox.popleft()
            decided = self._decide(live, happened, caller, now_us)
            if decided is None:
                continue
            if type(happened) is Report:
                outcomes += happened.count
            if decided.events:
                live.unsent.extend(decided.events)
                touched[live.id] = live
                size += weight_of(decided.events)
                if decided.notices or decided.settled:
                    self._dues.note(live, decided)
                    size += weight_of_notices(decided.notices)
            commands = decided.commands
            if type(happened) is Start and _may_run_ahead(live, commands):
                at_once.append((live, commands, None))
                commands = ()
            if commands or caller is not None:
                released.append((live, commands, caller))
        self._measures.turn_inputs.observe(count)
        self._measures.nodes.inc(outcomes)
        if touched:
            self._send(touched.values(), now_us)
        if self._broken:
            self._broken = False
            released, at_once = _without_broken(released), _without_broken(at_once)
        self.appends.attach(released, self._dues.take())
        if at_once:
            self._release.carry_out(at_once, self._clock.monotonic())

    def _decide(
        self, live: Live, happened: Happening, caller: Caller | None, now_us: int
    ) -> Step | None:
        """The core's decision; None if the execution is not here any more or the core failed."""
        if live.gone or live.shard.phase is not Phase.OWNED:
            if live.permits is not None:
                self._note_over(live, happened)
            if caller is not None:
                self._turn_away(live, caller)
            return None
        try:
            if live.early is not None:
                return self._recover(live, live.early, happened, caller, now_us)
            match happened:
                case Report() | AttemptStarted():
                    if live.permits is not None:
                        self._release.gate.reported(live, live.permits, happened)
                    return self._holdings.step(live, happened, now_us)
                case Recovered() | Confirm():
                    return Step()
                case TimePassed():
                    decided = step(live.state, happened, now_us)
                    self._arm(live, next_wake_us(live.state))
                    return decided
                case _:
                    return step(live.state, happened, now_us)
        except Exception as fault:  # noqa: BLE001 - a bug in the core must not stop the others
            self._quarantine(live, fault)
            if caller is not None:
                caller.on_failed(_own_fault())
            return None

    def _recover(
        self,
        live: Live,
        early: list[Early],
        happened: Happening,
        caller: Caller | None,
        now_us: int,
    ) -> Step | None:
        """Let inputs of a loaded execution wait until it is known what workers still hold."""
        if not isinstance(happened, Recovered):
            early.append((happened, caller))
            return None
        live.early = None
        decided = recover(live.state, now_us)
        if live.permits is not None:
            self._release.gate.recovered(live, live.permits)
        self._arm(live, next_wake_us(live.state))
        for later, waiting in early:
            self.put(live, later, waiting)
        return decided

    def _note_over(self, live: Live, happened: Happening) -> None:
        """A report comes too late to count: all the same its worker is done with the attempt."""
        if type(happened) is Report and happened.continue_with is None:
            self._release.gate.stopped(live.id, happened.lease)

    def _turn_away(self, live: Live, caller: Caller) -> None:
        if live.shard.phase is Phase.OWNED and live.state.end is not None:
            caller.on_committed(live, False)
        else:
            caller.on_failed(Unavailable(MOVED))

    def _quarantine(self, live: Live, fault: Exception) -> None:
        """Keep a broken execution from harm: forget it, with what this turn has decided of it; its
        journal is as it was, for a fixed version to load."""
        self._broken = True
        self._log.error(
            "execution_quarantined", execution=live.id, error=repr(fault), exc_info=fault
        )
        self._holdings.revoke_all(live)
        if live.permits is not None:
            self._release.gate.abandoned(live, live.permits)
        live.unsent.clear()
        self.timers.set(live.id, 0)
        self._executions.forget(live)
        self._executions.set_aside.add(live.id)
        for waiter in live.waiters:
            waiter.on_failed(_own_fault())
        live.waiters.clear()

    def _send(self, touched: Iterable[Live], now_us: int) -> None:
        """Make records and send them; a turn with much data becomes several appends."""
        request = AppendRequest()
        writes: dict[int, ShardWrite] = {}
        size = records = count = 0
        owing = bool(self._dues)
        for live in touched:
            events = live.unsent
            if not events:
                continue
            shard = live.shard
            try:
                body = body_of(live, events, now_us)
            except Exception as fault:  # noqa: BLE001 - one execution must not stop the others
                self._quarantine(live, fault)
                continue
            write = writes.get(shard.number)
            if write is None:
                write = writes[shard.number] = request.writes.add(
                    shard=shard.number, epoch=shard.epoch, first_position=shard.head + 1
                )
            state = live.state
            waits = state.waits
            wake_us = next_wake_us(state) if waits.heap else 0
            size += add_record(write, live, body, now_us, wake_us)
            if state.touched is not None or waits.tasks is not None:
                add_news(write, live, events)
            if owing:
                self._dues.add_to(write, live, shard.head + 1)
            if wake_us != live.wake_us:
                self._arm(live, wake_us)
            watched = state.touched is not None or state.debug is not None
            if watched or live.rests or waits.sleeping or waits.due:
                row = write.records[-1].projection
                self.on_waiting(live, row, now_us, self.appends.next_id)
            shard.head += 1
            records += 1
            count += len(events)
            live.unsent = []
            if size > _APPEND_BYTES:
                self.appends.send(request)
                request, writes, size = AppendRequest(), {}, 0
        if writes:
            self.appends.send(request)
        self._measures.records.inc(records)
        self._measures.events.inc(count)

    def _arm(self, live: Live, wake_us: int) -> None:
        live.wake_us = wake_us
        self.timers.set(live.id, wake_us)

    def on_answer(self, answer: AppendResponse) -> None:
        """An append is answered: its commands go, and another turn may begin."""
        self.appends.on_answer(answer)
        self._wake.set()


def _without_broken(released: list[Released]) -> list[Released]:
    """Leave out what broke the engine in this turn: nothing of it is on its way to disk."""
    for live, _, caller in released:
        if live.gone and caller is not None:
            caller.on_failed(_own_fault())
    return [one for one in released if not one[0].gone]


def _own_fault() -> Internal:
    return Internal("the engine met a fault of its own in this execution")


def _may_run_ahead(live: Live, commands: Sequence[Command]) -> bool:
    """True if these commands of a start do nothing but hand out nodes without effects. What is
    under a limit waits for its turn, which is kept for what is on disk."""
    nodes = live.plan.nodes
    return (
        bool(commands)
        and live.permits is None
        and all(
            type(command) is Dispatch
            and all(nodes[ref.node].effects == "none" for ref in command.refs)
            for command in commands
        )
    )
