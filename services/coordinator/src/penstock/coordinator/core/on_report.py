"""A worker reports: outcomes of the attempt it was given and of nodes it went on to.

Order of effects: the outcomes are written; then the worker is told so; only then may it go on with
`continue_with`, whose attempt the same commit records.
"""

from typing import assert_never

from penstock.coordinator.core.changing_vars import change_vars, within_limits
from penstock.coordinator.core.children import start_child
from penstock.coordinator.core.doubting import doubt, is_in_doubt
from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.fan_out import fan_out
from penstock.coordinator.core.holding import complete, first_outcome
from penstock.coordinator.core.inputs import (
    AttemptStarted,
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Lost,
    Outcome,
    Report,
    StartChild,
    Waiting,
)
from penstock.coordinator.core.items import record_item
from penstock.coordinator.core.on_lost import lose
from penstock.coordinator.core.on_signal import fall_asleep
from penstock.coordinator.core.report_check import fits, holds, is_repeated, suits
from penstock.coordinator.core.trimming import has_new_input, trimmed
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import (
    NodeCompleted,
    NodeFailed,
    NodeRunning,
    NodesSkipped,
)
from penstock.workflow.execution.values import NULL, Failure, NodeRef, NodeStatus, SkipReason


def on_report(turn: Turn, report: Report) -> None:
    """Record a segment, or refuse it as a whole if its lease is not this worker's current attempt.

    Of an execution that somebody laid hands on, a report counts as far as that goes (`trimmed`); a
    worker that asked to go on further is told that its report is void, so that it does not. A
    report that its holder got wrong (a node whose parents have not all ended, for one) is void
    too, but then the leased attempt fails with reason REPORT_INVALID: nobody else would finish it.
    Of an execution that somebody debugs only the leased attempt counts.
    """
    state = turn.state
    if not holds(state, report.lease, report.worker):
        _repeat(turn, report)
        return
    state.holders.pop(state.key(report.lease), None)
    asked = report.continue_with
    if state.touched is not None:
        report = trimmed(state, report)
    if state.debug is not None:
        report = first_outcome(report)
    if state.variables is not None:
        report = within_limits(state, report)
    row = report.row
    if not _is_simple(turn, report):
        flaw = fits(state, report)
        if flaw:
            turn.accepted = False
            failure = Failure("system", "REPORT_INVALID", f"The worker's report is void: {flaw}.")
            record_failure(turn, NodeFailed(report.lease, failure, worker=report.worker), 0.5)
            return
    turn.accepted = True
    if row is not None:
        turn.emit(row)
    for outcome in report.outcomes:
        _record(turn, outcome, report.worker)
    if report.continue_with is not None:
        turn.claimed = report.continue_with
        turn.claimer = report.worker
    elif asked is not None:
        turn.accepted = False


def _repeat(turn: Turn, report: Report) -> None:
    """Answer a report that is over as it was answered before. What a worker says after a restart
    that it has, and never got leave for because somebody had given it another input, is taken from
    it: it has not begun."""
    state, ref = turn.state, report.continue_with
    turn.accepted = is_repeated(state, report)
    if turn.accepted and ref is not None and has_new_input(state, ref.node):
        turn.accepted = False
        turn.revoke(state.key(ref))
        lose(turn, ref, "its worker does not know its input", begun=False)


def _is_simple(turn: Turn, report: Report) -> bool:
    """True if the report needs no closer look: the outcome of its lease, or a row from its lease on
    that the plan allows in any execution."""
    if report.continue_with is not None:
        return False
    row, lease = report.row, report.lease
    if row is None:
        outcomes = report.outcomes
        return len(outcomes) == 1 and outcomes[0].ref == lease and suits(turn.state, outcomes[0])
    return (
        not report.outcomes
        and lease == NodeRef(row.nodes[0], 0, row.attempt)
        and turn.state.tables.row(row.nodes) is not None
    )


def _record(turn: Turn, outcome: Outcome, worker: str) -> None:
    kind = outcome.kind
    ref = outcome.ref
    if outcome.vars is not None:
        change_vars(turn, outcome)
    match kind:
        case Completed():
            event = NodeCompleted(
                ref,
                kind.output,
                kind.chosen,
                kind.routed,
                outcome.started_us,
                outcome.finished_us,
                worker,
                outcome.logs,
            )
            if ref.item:
                record_item(turn, event)
            else:
                complete(turn, event)
        case Failed():
            failed = NodeFailed(
                ref,
                kind.failure,
                0,
                outcome.started_us,
                outcome.finished_us,
                worker,
                outcome.logs,
            )
            if is_in_doubt(turn.state, failed):
                doubt(turn, failed)
            else:
                record_failure(turn, failed, kind.draw)
        case ConditionFalse():
            if ref.item:
                record_item(turn, NodeCompleted(ref, NULL, worker=worker))
            else:
                turn.emit(NodesSkipped((ref.node,), SkipReason.CONDITION))
        case Waiting():
            fall_asleep(turn, ref, kind)
        case FannedOut():
            fan_out(turn, ref, kind)
        case StartChild():
            start_child(turn, ref, kind)
        case Lost():
            lose(turn, ref, kind.cause, begun=outcome.started_us > 0)
        case _:
            assert_never(kind)


def on_attempt_started(turn: Turn, started: AttemptStarted) -> None:
    """Make a long attempt visible, once. A worker that was not known to have it has it now."""
    state = turn.state
    if not holds(state, started.ref, started.worker):
        return
    state.hand_over(started.ref, started.worker)
    if state.status_of(started.ref) == NodeStatus.QUEUED:
        turn.emit(NodeRunning(started.ref, started.worker, started.started_us))
