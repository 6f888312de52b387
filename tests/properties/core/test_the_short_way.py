"""The short way of a report decides what the long way would have decided, or nothing at all."""

import copy
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.coordinator.core import step as steps
from penstock.coordinator.core.ending import settle
from penstock.coordinator.core.inputs import Report
from penstock.coordinator.core.on_report import on_report
from penstock.coordinator.core.on_row import take_row
from penstock.coordinator.core.turn import Step, Turn
from penstock.workflow.execution.events import Event, NodesCompleted
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.plan import Plan
from support.plans import PlanBuilder
from support.random_runs import random_plan, random_turn
from support.simulation import Cluster, folded

TURNS = 60


def plain_plan(rng: Random) -> Plan:
    """Any shape, nothing special about its nodes."""
    builder = PlanBuilder()
    size = rng.randint(2, 10)
    for at in range(size):
        builder.node(f"n{at}", *(f"n{p}" for p in sorted(rng.sample(range(at), min(at, 2)))))
    return builder.plan(output=f"n{size - 1}")


def the_same(state: ExecutionState) -> ExecutionState:
    shared = {id(part): part for part in (state.plan, state.tables)}
    return copy.deepcopy(state, shared)


def one_by_one(events: Iterable[Event]) -> list[Event]:
    apart: list[Event] = []
    for event in events:
        apart.extend(event.apart() if isinstance(event, NodesCompleted) else (event,))
    return apart


def long_way(state: ExecutionState, report: Report, now_us: int) -> Step:
    turn = Turn(state, now_us)
    on_report(turn, report)
    settle(turn)
    return turn.close()


def both_ways(state: ExecutionState, report: Report, now_us: int) -> Step | None:
    before = the_same(state)
    short = take_row(state, report, now_us)
    if short is None:
        assert folded(state) == folded(before)
        assert state.holders == before.holders
        return None
    long = long_way(before, report, now_us)
    assert one_by_one(short.events) == one_by_one(long.events)
    assert short.commands == long.commands
    assert folded(state) == folded(before)
    assert (state.holders, state.undecided) == (before.holders, before.undecided)
    return short


@settings(deadline=None)
@pytest.mark.parametrize("draw_plan", [plain_plan, random_plan])
@given(rng=st.randoms(use_true_random=False))
def test_the_short_way_decides_what_the_long_way_would(draw_plan, rng: Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "take_row", both_ways)
        cluster = Cluster(draw_plan(rng))
        cluster.start()
        sent: list[Report] = []
        for _ in range(TURNS):
            if cluster.state.end is not None:
                break
            random_turn(rng, cluster, sent)
