"""Who may leave memory, and who may not."""

import pytest

from penstock.api.state.v1.state_service_pb2 import AppendResponse
from penstock.common.clock import SystemClock
from penstock.coordinator.core.inputs import Outcome, Report, SignalArrived, Start, Waiting
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.live import Live, Phase, Shard
from penstock.coordinator.shell.process import Process
from penstock.nodes import catalog
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.values import NULL, NodeRef, Payload
from support.coordinator.memory_state import MemoryState
from support.plans import PlanBuilder

HOUR_US = 3_600_000_000
REF = NodeRef(0, 0, 1)
PLAN = PlanBuilder().node("nap").node("work", "nap").plan()


class World:
    """A coordinator whose loops do not run: turns, answers and sweeps are taken by hand."""

    def __init__(self) -> None:
        self.ports = MemoryState().ports()
        process = Process(None, SystemClock(), lambda: "id")  # type: ignore[arg-type]
        settings = Settings(dormant_after_ms=0)
        self.shell = Coordinator(settings, self.ports, catalog(), process)
        self.turns = self.shell.turns
        self.dozing = self.shell.dormancy.dozing
        self.shell.dormancy.sleepers.looked = True
        self.answered = 0
        self.shard = Shard(1, 1, 0)
        self.shard.phase = Phase.OWNED
        self.live = Live("e1", "default", self.shard, PLAN)
        self.shell.executions.add(self.live)
        started = ExecutionStarted("flow", 1, "hash", "default", NULL)
        self.turn(Start(started))

    def turn(self, happened) -> None:
        self.turns.put(self.live, happened)
        self.turns.take_turn()

    def fall_asleep(self, *, duration_us: int = HOUR_US, signal: str = "") -> None:
        self.live.state.hand_over(REF, "w")
        wait = Waiting(duration_us, signal=signal)
        self.turn(Report("w", REF, (Outcome(REF, wait),)))

    def answer(self) -> None:
        while self.answered < len(self.ports.journal.sent):
            self.answered += 1
            self.turns.on_answer(AppendResponse(batch_id=self.answered))

    @property
    def here(self) -> bool:
        return self.shell.executions.get("e1") is self.live

    def rests_told(self) -> list[int]:
        records = [r for a in self.ports.journal.sent for w in a.writes for r in w.records]
        return [record.projection.rest for record in records]


@pytest.fixture
def world() -> World:
    return World()


def test_who_sleeps_leaves_once_that_is_on_disk(world):
    world.fall_asleep()
    world.dozing.sweep()
    assert world.here
    world.answer()
    world.dozing.sweep()
    assert not world.here
    assert world.rests_told() == [0, 1]


def test_who_has_work_stays(world):
    world.answer()
    world.dozing.sweep()
    assert world.here


def test_who_has_an_input_waiting_stays_and_leaves_later(world):
    world.fall_asleep(duration_us=0, signal="go")
    world.answer()
    world.turns.put(world.live, SignalArrived("other", Payload(b"1")))
    world.dozing.sweep()
    assert world.here
    world.turns.take_turn()
    world.answer()
    world.dozing.sweep()
    assert not world.here
    assert world.rests_told() == [0, 1, 1]


def test_who_was_woken_meanwhile_stays(world):
    world.fall_asleep(duration_us=0, signal="go")
    world.answer()
    world.turn(SignalArrived("go", Payload(b"1")))
    world.answer()
    world.dozing.sweep()
    assert world.here
    assert world.rests_told() == [0, 1, 2]


def test_nobody_leaves_before_it_is_known_that_sleepers_are_found(world):
    world.shell.dormancy.sleepers.looked = False
    world.fall_asleep()
    world.answer()
    world.dozing.sweep()
    assert world.here


def test_a_timer_within_the_horizon_stays_armed_and_others_do_not(world):
    world.fall_asleep()
    world.answer()
    world.shell.dormancy.sleepers.horizon_us = world.live.wake_us
    world.dozing.sweep()
    assert not world.here
    assert len(world.turns.timers) == 1
    other = World()
    other.fall_asleep()
    other.answer()
    other.shell.dormancy.sleepers.horizon_us = other.live.wake_us - 1
    other.dozing.sweep()
    assert not other.here
    assert len(other.turns.timers) == 0


def test_who_waits_for_the_end_is_kept_with_the_shard(world):
    waiter = object()
    world.live.waiters.append(waiter)  # type: ignore[arg-type]
    world.fall_asleep()
    world.answer()
    world.dozing.sweep()
    assert world.shard.absent == {"e1": [waiter]}
