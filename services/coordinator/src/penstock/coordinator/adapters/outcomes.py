"""What workers say, translated into inputs of the core."""

from collections.abc import Callable

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.common.errors import InvalidArgument
from penstock.common.ids import keyed_ulid
from penstock.common.journal_codec import row_from_report
from penstock.common.value_codec import (
    failure_from_proto,
    logs_from_proto,
    payload_from_proto,
    ref_from_proto,
    vars_from_proto,
)
from penstock.common.wait_codec import task_from_proto
from penstock.coordinator.core.inputs import (
    AttemptStarted,
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Lost,
    Outcome,
    OutcomeKind,
    Report,
    StartChild,
    Waiting,
)
from penstock.workflow.execution.values import NodeRef, OnTimeout
from penstock.workflow.execution.variables import VarsChange

Draw = Callable[[], float]
"""A random number in [0, 1): the jitter of one back-off."""


def report_from_proto(report: dispatch.SegmentReport, worker: str, draw: Draw) -> Report:
    """A worker's segment as the core takes it. Raises InvalidArgument for an outcome without a
    kind, or a row whose columns do not fit together."""
    row = None
    if report.HasField("completed"):
        try:
            row = row_from_report(report.completed, worker)
        except ValueError as flaw:
            raise InvalidArgument(f"A report holds {flaw}.") from flaw
    if row is None or report.HasField("lease"):
        lease = lease_of(report)
    else:
        lease = NodeRef(row.nodes[0], 0, row.attempt)
    outcomes = (
        tuple(outcome_from_proto(one, report.execution_id, draw) for one in report.outcomes)
        if report.outcomes
        else ()
    )
    continues = report.HasField("continue_with")
    follows = ref_from_proto(report.continue_with) if continues else None
    return Report(worker, lease, outcomes, follows, row)


def lease_of(report: dispatch.SegmentReport) -> NodeRef:
    """The attempt under whose lease a report is made."""
    if report.HasField("lease"):
        return ref_from_proto(report.lease)
    row = report.completed
    return NodeRef(row.nodes[0] if row.nodes else 0, 0, row.attempt)


def started_from_proto(started: dispatch.AttemptStarted, worker: str) -> AttemptStarted:
    """A long attempt as the core takes it."""
    return AttemptStarted(worker, ref_from_proto(started.ref), started.started_unix_us)


def outcome_from_proto(outcome: dispatch.NodeOutcome, execution_id: str, draw: Draw) -> Outcome:
    """One outcome. Raises InvalidArgument if it has no kind that this version knows, or
    changes variables in columns of different lengths."""
    ref = outcome.ref
    kind = outcome.WhichOneof("kind")
    change = None
    if kind == "completed":
        if outcome.HasField("vars"):
            change = _vars(outcome)
        done = outcome.completed
        payload = payload_from_proto(done.output)
        routed = done.routed
        result: OutcomeKind = Completed(payload, tuple(done.chosen) if routed else (), routed)
    elif kind == "start_child":
        result = _start_child(outcome, execution_id)
    else:
        result = _other_kind(outcome, kind, draw)
    return Outcome(
        NodeRef(ref.node, ref.item, ref.attempt),
        result,
        outcome.started_unix_us,
        outcome.finished_unix_us,
        logs_from_proto(outcome.logs) if outcome.logs else (),
        change,
    )


def _vars(outcome: dispatch.NodeOutcome) -> VarsChange:
    try:
        return vars_from_proto(outcome.vars)
    except ValueError as flaw:
        raise InvalidArgument(f"An outcome of node {outcome.ref.node} holds {flaw}.") from flaw


def _start_child(outcome: dispatch.NodeOutcome, execution_id: str) -> StartChild:
    """The child's id follows from the attempt that asks for it: said again, it is the same."""
    asked, ref = outcome.start_child, outcome.ref
    attempt = (str(ref.node), str(ref.item), str(ref.attempt))
    return StartChild(
        keyed_ulid("child", execution_id, *attempt),
        asked.workflow,
        asked.version,
        payload_from_proto(asked.params),
        tuple(asked.tags),
        asked.priority_plus_one - 1 if asked.priority_plus_one else None,
        asked.detached,
        asked.outlives,
    )


def _other_kind(outcome: dispatch.NodeOutcome, kind: str | None, draw: Draw) -> OutcomeKind:
    match kind:
        case "failed":
            return Failed(failure_from_proto(outcome.failed), draw())
        case "condition_false":
            return ConditionFalse()
        case "waiting":
            return _waiting(outcome.waiting)
        case "fanned_out":
            fanned = outcome.fanned_out
            items = payload_from_proto(fanned.items)
            return FannedOut(fanned.count, tuple(fanned.items_json), items)
        case "lost":
            return Lost(outcome.lost.cause)
        case _:
            raise InvalidArgument(f"An outcome of node {outcome.ref.node} has no known kind.")


def _waiting(wait: dispatch.Waiting) -> Waiting:
    return Waiting(
        wait.duration_us,
        wait.until_unix_us,
        wait.signal,
        payload_from_proto(wait.output),
        task_from_proto(wait.task) if wait.HasField("task") else None,
        OnTimeout(wait.on_timeout),
        wait.again,
        wait.give_up_after_us,
    )
