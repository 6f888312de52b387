"""A pause or a resume that is delivered again, late, changes nothing."""

from penstock.coordinator.core.inputs import PauseAsked, ResumeAsked
from penstock.workflow.execution.hand_events import ExecutionPaused, ExecutionResumed
from penstock.workflow.execution.said import SAID_MAX
from support.plans import PlanBuilder
from support.simulation import Cluster

NAMES = {"p": PauseAsked, "r": ResumeAsked}


def after(*said: str) -> tuple[bool, list[str]]:
    """Whether an execution is paused after these requests, `p` or `r` and an id, and what was
    written of them."""
    cluster = Cluster(PlanBuilder().node("a").node("b", "a").plan())
    cluster.start()
    written = []
    for each in said:
        made = cluster.feed(NAMES[each[0]]("ann", "", each[1:] and each))
        for event in made.events:
            if isinstance(event, ExecutionPaused | ExecutionResumed):
                written.append(event.request_id or each[0])
        cluster.restart()
    return cluster.state.is_paused, written


def test_a_pause_that_comes_again_after_its_resume_does_not_pause():
    assert after("p1", "r1", "p1") == (False, ["p1", "r1"])
    assert after("p1", "r1", "p2") == (True, ["p1", "r1", "p2"])


def test_a_resume_that_comes_again_after_the_next_pause_does_not_resume():
    assert after("p1", "r1", "p2", "r1") == (True, ["p1", "r1", "p2"])
    assert after("p1", "r1", "p2", "r2") == (False, ["p1", "r1", "p2", "r2"])


def test_what_changed_nothing_the_first_time_changes_nothing_later():
    assert after("p1", "p2", "r1", "p2") == (False, ["p1", "p2", "r1"])
    assert after("p1", "r1", "r2", "p2", "r2") == (True, ["p1", "r1", "r2", "p2"])


def test_a_second_pause_leaves_the_first_one_as_it_is():
    cluster = Cluster(PlanBuilder().node("a").plan())
    cluster.start()
    cluster.feed(PauseAsked("ann", "first", "p1"))
    cluster.feed(PauseAsked("bob", "second", "p2"))
    touched = cluster.state.touched
    assert touched is not None
    assert touched.paused is not None
    assert (touched.paused.by, touched.paused.reason) == ("ann", "first")
    assert touched.held == {0}
    cluster.feed(ResumeAsked())
    assert len(cluster.ready) == 1


def test_without_ids_each_counts_and_what_changes_nothing_is_not_written():
    assert after("p", "p", "r", "r", "p") == (True, ["p", "r", "p"])


def test_a_resume_of_what_was_never_paused_does_not_end_a_later_pause():
    assert after("r1", "p1", "r1") == (True, ["r1", "p1"])
    assert after("r") == (False, [])


def test_the_newest_ids_are_known():
    cluster = Cluster(PlanBuilder().node("a").node("b", "a").plan())
    cluster.start()
    for number in range(SAID_MAX + 1):
        cluster.feed(PauseAsked("ann", "", f"p{number}"))
    cluster.feed(ResumeAsked("ann", "", "r"))
    cluster.restart()
    for number in (1, SAID_MAX):
        cluster.feed(PauseAsked("ann", "", f"p{number}"))
        assert not cluster.state.is_paused
    cluster.feed(PauseAsked("ann", "", "p0"))
    assert cluster.state.is_paused


def test_a_pause_and_a_resume_may_have_the_same_id():
    cluster = Cluster(PlanBuilder().node("a").plan())
    cluster.start()
    cluster.feed(PauseAsked("ann", "", "x"))
    cluster.feed(ResumeAsked("ann", "", "x"))
    assert not cluster.state.is_paused
