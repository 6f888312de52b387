"""What workers were told to stop: kept until they say so, or must have."""

from penstock.coordinator.limits.stopping import Stopping
from penstock.workflow.execution.values import NodeRef

ONE, OTHER = NodeRef(0, 0, 1), NodeRef(1, 0, 1)


def test_all_of_an_execution_has_stopped_once_each_attempt_has():
    stopping = Stopping()
    stopping.told("e", [ONE], 10, 0)
    stopping.told("e", [OTHER], 10, 0)
    assert not stopping.stopped("e", OTHER)
    assert stopping.stopped("e", ONE)
    assert len(stopping) == 0


def test_what_a_dead_worker_never_says_is_not_kept_for_ever():
    stopping = Stopping()
    for at_us in range(1_000):
        stopping.told(f"e{at_us}", [ONE], at_us + 10, at_us)
        assert len(stopping) <= 10


def test_what_is_told_again_counts_from_then_on():
    stopping = Stopping()
    stopping.told("e", [ONE], 10, 0)
    stopping.told("f", [ONE], 12, 2)
    stopping.told("e", [OTHER], 19, 9)
    stopping.told("g", [ONE], 22, 12)
    assert stopping.stopped("f", OTHER), "over"
    assert not stopping.stopped("e", OTHER), "one of it was told at 9"
