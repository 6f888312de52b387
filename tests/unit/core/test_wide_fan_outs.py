"""Joins are exact however wide, and in whatever order items end (I12)."""

import json
from random import Random

from penstock.coordinator.core.commands import AnswerReport, Dispatch, StoreOutput
from penstock.coordinator.core.fan_out import ITEMS_MAX
from penstock.coordinator.core.inputs import (
    Completed,
    Failed,
    FannedOut,
    Outcome,
    OutcomeKind,
    OutputRefused,
    Report,
    Start,
)
from penstock.coordinator.core.items import JOINED_BYTES_MAX
from penstock.coordinator.core.step import Step, step
from penstock.workflow.execution.events import ExecutionStarted, NodeFailed
from penstock.workflow.execution.fan_out import ITEMS_OPEN_MAX
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.join import join_array
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    ExecutionStatus,
    Failure,
    NodeRef,
    Payload,
)
from support.plans import PlanBuilder

STARTED = ExecutionStarted("flow", 1, "hash", "default", Payload(b"{}"))
LIST = "${{ params.list }}"


def say(state: ExecutionState, ref: NodeRef, kind: OutcomeKind) -> Step:
    return step(state, Report("w", ref, (Outcome(ref, kind),)), 1)


def fanned(count: int, **more: object) -> tuple[ExecutionState, Step]:
    plan = PlanBuilder().node("each", for_each=LIST, **more).plan(output="each")
    state = ExecutionState(plan)
    step(state, Start(STARTED), 1)
    items = tuple(b"%d" % item for item in range(count))
    return state, say(state, NodeRef(0), FannedOut(count, items))


def dispatched(made: Step) -> list[NodeRef]:
    return [
        ref for command in made.commands if isinstance(command, Dispatch) for ref in command.refs
    ]


def test_ten_thousand_items_join_in_order() -> None:
    state, made = fanned(10_000)
    rng = Random(1)
    ready = dispatched(made)
    assert len(ready) == ITEMS_OPEN_MAX
    stores = []
    while ready:
        at = rng.randrange(len(ready))
        ready[at], ready[-1] = ready[-1], ready[at]
        ref = ready.pop()
        made = say(state, ref, Completed(Payload(b'{"item": %d}' % ref.item)))
        ready += dispatched(made)
        stores += [c for c in made.commands if isinstance(c, StoreOutput)]
    assert len(stores) == 1
    joined = json.loads(join_array(part.json for part in stores[0].parts))
    assert [value["item"] for value in joined] == list(range(1, 10_001))


def test_no_more_items_are_open_than_the_window() -> None:
    state, made = fanned(50, max_parallel=7)
    ready = dispatched(made)
    ran = 0
    while ready:
        assert len(ready) <= 7
        made = say(state, ready.pop(0), Completed(Payload(b"1")))
        ready += dispatched(made)
        ran += 1
    assert ran == 50
    assert state.end is not None


def test_a_list_that_is_too_long_fails_the_node() -> None:
    state = ExecutionState(PlanBuilder().node("each", for_each=LIST).plan())
    step(state, Start(STARTED), 1)
    say(state, NodeRef(0), FannedOut(ITEMS_MAX + 1, (), Payload(b"", "d" * 64, 9)))
    assert state.end is not None
    assert state.end.failure is not None
    assert state.end.failure.reason == "FAN_OUT_TOO_WIDE"


def test_a_join_that_is_too_large_fails_the_node_early() -> None:
    state, made = fanned(100)
    part = Payload(b"", "d" * 64, JOINED_BYTES_MAX // 2)
    for ref in dispatched(made)[:3]:
        say(state, ref, Completed(part))
    assert state.end is not None
    assert state.end.failure is not None
    assert state.end.failure.reason == "PAYLOAD_TOO_LARGE"


def test_one_bad_item_of_many_ends_the_fan_out() -> None:
    state, made = fanned(100)
    refs = dispatched(made)
    say(state, refs[0], Completed(Payload(b"1")))
    made = say(state, refs[1], Failed(Failure("permanent", "BAD_RECORD", "No such customer.")))
    failures = [event for event in made.events if isinstance(event, NodeFailed)]
    assert [event.ref.item for event in failures] == [2, 0]
    assert state.end is not None
    assert state.end.status == ExecutionStatus.FAILED
    assert state.end.failure is not None
    assert state.end.failure.message == "Item 1 (of 100, from 0): No such customer."
    late = say(state, refs[2], Completed(Payload(b"1")))
    assert late == Step((), (AnswerReport(accepted=False),))


def test_an_item_of_a_list_of_another_length_is_refused() -> None:
    state = ExecutionState(PlanBuilder().node("each", for_each=LIST).plan())
    step(state, Start(STARTED), 1)
    say(state, NodeRef(0), FannedOut(3, (b"1", b"2")))
    assert state.end is not None
    assert state.end.failure is not None
    assert state.end.failure.reason == "REPORT_INVALID"


def test_a_join_that_cannot_be_stored_fails_its_node() -> None:
    state, made = fanned(3)
    big = Payload(b'"' + b"x" * INLINE_BYTES_MAX + b'"')
    for ref in dispatched(made):
        made = say(state, ref, Completed(big))
    assert any(isinstance(command, StoreOutput) for command in made.commands)
    node = next(c.node for c in made.commands if isinstance(c, StoreOutput))
    step(state, OutputRefused(node, Failure("system", "INTERNAL", "damaged")), 9)
    assert state.end is not None
    assert state.end.failure is not None
    assert state.end.failure.message == "damaged"
