"""At rest: nothing queued or running, something that waits."""

from penstock.coordinator.core.resting import is_at_rest
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NULL, ExecutionStatus, Failure, NodeRef, Payload
from support.plans import PlanBuilder

TWO = PlanBuilder().node("a").node("b").plan()
STARTED = ev.ExecutionStarted("flow", 1, "hash", "default", NULL)
FAILURE = Failure("transient", "HTTP_503", "busy")


def state_of(*events: ev.Event) -> ExecutionState:
    state = ExecutionState(TWO)
    state.apply_batch((STARTED, *events), 1, 1)
    return state


def sleeps(node: int, item: int = 0, **more) -> ev.NodeWaiting:
    return ev.NodeWaiting(NodeRef(node, item, 1), **({"until_us": 99} | more))


QUEUED = ev.NodesQueued((0, 1))
DONE = ev.NodeCompleted(NodeRef(1, 0, 1), Payload(b"1"))
FANNED_OUT = ev.NodeFannedOut(NodeRef(0, 0, 1), 2, (b"1", b"2"))


def test_all_that_is_open_must_wait():
    assert not is_at_rest(state_of())
    assert not is_at_rest(state_of(QUEUED))
    assert not is_at_rest(state_of(QUEUED, sleeps(0)))
    assert is_at_rest(state_of(QUEUED, sleeps(0), sleeps(1)))
    assert is_at_rest(state_of(QUEUED, sleeps(0), DONE))


def test_a_signal_and_a_back_off_are_waits():
    assert is_at_rest(state_of(QUEUED, DONE, sleeps(0, until_us=0, signal="go")))
    failed = ev.NodeFailed(NodeRef(0, 0, 1), FAILURE, retry_us=99)
    assert is_at_rest(state_of(QUEUED, DONE, failed))
    assert not is_at_rest(state_of(QUEUED, DONE, failed, ev.NodeRetried(NodeRef(0, 0, 2))))


def test_who_runs_is_not_at_rest():
    running = ev.NodeRunning(NodeRef(1, 0, 1), "w", 1)
    assert not is_at_rest(state_of(QUEUED, sleeps(0), running))


def test_a_fan_out_rests_if_its_open_items_do():
    assert not is_at_rest(state_of(QUEUED, DONE, FANNED_OUT))
    assert not is_at_rest(state_of(QUEUED, DONE, FANNED_OUT, sleeps(0, 1)))
    assert is_at_rest(state_of(QUEUED, DONE, FANNED_OUT, sleeps(0, 1), sleeps(0, 2)))
    first = ev.NodeCompleted(NodeRef(0, 1, 1), Payload(b"1"))
    second = ev.NodeCompleted(NodeRef(0, 2, 1), Payload(b"1"))
    assert is_at_rest(state_of(QUEUED, DONE, FANNED_OUT, first, sleeps(0, 2)))
    assert not is_at_rest(state_of(QUEUED, sleeps(1), FANNED_OUT, first, second))


def test_an_attempt_on_a_worker_is_no_rest():
    state = state_of(QUEUED, sleeps(0), sleeps(1))
    state.hand_over(NodeRef(0, 0, 1), "w")
    assert not is_at_rest(state)


def test_who_has_ended_is_not_at_rest():
    ended = ev.ExecutionEnded(ExecutionStatus.CANCELLED)
    assert not is_at_rest(state_of(QUEUED, sleeps(0), sleeps(1), ended))
