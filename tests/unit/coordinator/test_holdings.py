"""Workers' room follows from what they hold, whatever they report."""

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.common.clock import SystemClock
from penstock.coordinator.core.commands import AnswerReport, Dispatch
from penstock.coordinator.core.inputs import (
    AttemptsLost,
    AttemptStarted,
    Completed,
    Outcome,
    PauseAsked,
    Report,
    Start,
)
from penstock.coordinator.core.step import step
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Live, Shard
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.values import NodeRef, Payload
from support.plans import chain

CREDITS = 5
FIRST, SECOND = NodeRef(0), NodeRef(0, 0, 2)


def report_of(ref: NodeRef) -> Report:
    return Report("w", ref, (Outcome(ref, Completed(Payload(b"1"))),))


def started() -> tuple[Holdings, Live, Worker]:
    """An execution whose first node was lost with its worker, which is back."""
    workers = Workers(SystemClock())
    worker, _ = workers.arrive(Hello(worker_id="w", credits=CREDITS, node_types=["js@1"]))
    plan = chain(2)
    live = Live("E", "default", Shard(0, 1, 0), plan)
    start = ExecutionStarted(plan.name, 1, plan.definition_hash, "default", Payload(b"{}"))
    step(live.state, Start(start), 1)
    step(live.state, AttemptsLost((FIRST,), "it fell silent"), 2)
    return Holdings(workers), live, worker


def loaded(live: Live) -> Live:
    """As it is after a restart, before it is known what workers hold."""
    live.early = []
    return live


def test_what_was_loaded_is_adopted_from_whoever_has_it():
    holdings, live, worker = started()
    assert holdings.adopt(loaded(live), SECOND, worker)
    assert worker.free == CREDITS - 1


def test_what_a_pause_holds_was_never_handed_out_whatever_a_worker_says():
    holdings, live, worker = started()
    step(live.state, PauseAsked(), 3)
    assert not holdings.adopt(loaded(live), SECOND, worker)
    assert (worker.free, live.state.holders) == (CREDITS, {})


def test_what_waits_for_a_worker_is_not_adopted_under_an_old_name():
    holdings, live, worker = started()
    assert not holdings.adopt(live, SECOND, worker)
    holdings.step(live, AttemptStarted("w", SECOND, 3), 3)
    assert (worker.free, live.state.holders) == (CREDITS, {})


def test_a_worker_that_was_given_up_gets_nothing_more_to_hold():
    holdings, live, _ = started()
    report = Report("gone", SECOND, report_of(SECOND).outcomes, NodeRef(1))
    decided = holdings.step(live, report, 3)
    assert [type(event).__name__ for event in decided.events] == ["NodeCompleted", "NodesQueued"]
    assert decided.commands[-1] == AnswerReport(accepted=False)
    assert Dispatch((NodeRef(1),)) in decided.commands
    holdings.step(live, AttemptStarted("gone", NodeRef(1), 4), 4)
    assert live.state.holders == {}


def test_a_report_of_an_attempt_that_was_lost_frees_no_place_of_the_one_after_it():
    holdings, live, worker = started()
    assert holdings.adopt(loaded(live), SECOND, worker)
    holdings.step(live, report_of(FIRST), 3)
    assert worker.free == CREDITS - 1
    holdings.step(live, report_of(SECOND), 4)
    assert worker.free == CREDITS
