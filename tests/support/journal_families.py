"""An independent judge of what executions owe each other: sub-workflows and failure flows.

It reads whole journals side by side and knows nothing of how notices travel: a node that waits for
a sub-workflow ends exactly as that ended, once; a sub-workflow exists because its parent's journal
asked for it; and an execution that fails is followed by its failure flow, once.
"""

from collections.abc import Iterable, Mapping, Sequence

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import ExecutionStatus
from penstock.workflow.plan import Plan

Histories = Mapping[str, Sequence[ev.Event]]
"""All events of each execution, in order."""

REASONS = {
    "CHILD_FAILED": ExecutionStatus.FAILED,
    "CHILD_CANCELLED": ExecutionStatus.CANCELLED,
    "CHILD_TIMED_OUT": ExecutionStatus.TIMED_OUT,
}
_BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


def check_families(histories: Histories, plans: Mapping[str, Plan]) -> list[str]:
    """Everything that is wrong between executions, as sentences; `plans` by definition hash."""
    found: list[str] = []
    for execution, events in histories.items():
        found += _waits_end_as_children_do(execution, events, histories)
        found += _parents_asked(execution, events, histories)
        found += _failures_are_followed(execution, events, histories, plans)
    return found


def _end(events: Sequence[ev.Event]) -> ev.ExecutionEnded | None:
    last = events[-1] if events else None
    return last if isinstance(last, ev.ExecutionEnded) else None


def _waits_end_as_children_do(
    execution: str, events: Sequence[ev.Event], histories: Histories
) -> Iterable[str]:
    waits: dict[tuple[int, int], ev.NodeWaiting] = {}
    for event in events:
        if isinstance(event, ev.NodeWaiting) and event.child is not None:
            waits[event.ref.node, event.ref.item] = event
            continue
        if not isinstance(event, ev.NodeCompleted | ev.NodeFailed):
            continue
        wait = waits.get((event.ref.node, event.ref.item))
        if wait is None or wait.child is None or wait.ref.attempt != event.ref.attempt:
            continue
        del waits[event.ref.node, event.ref.item]
        child = wait.child.execution_id
        end = _end(histories.get(child, ()))
        if isinstance(event, ev.NodeCompleted):
            if end is None or end.status != ExecutionStatus.COMPLETED:
                yield f"{execution}: {event.ref} completed, its sub-workflow {child} did not"
            elif end.output != event.output:
                yield f"{execution}: {event.ref} has another output than {child}"
        elif event.failure.reason in REASONS:
            wanted = REASONS[event.failure.reason]
            if end is None or end.status != wanted:
                yield f"{execution}: {event.ref} failed as {wanted.name}, {child} did not"
            if child not in event.failure.message:
                yield f"{execution}: the failure of {event.ref} does not name {child}"


def _parents_asked(
    execution: str, events: Sequence[ev.Event], histories: Histories
) -> Iterable[str]:
    started = events[0] if events else None
    options = started.options if isinstance(started, ev.ExecutionStarted) else None
    parent = options.parent if options is not None else None
    if parent is None:
        return
    above = histories.get(parent.execution_id, ())
    if not parent.detached:
        asked = [
            one
            for one in above
            if isinstance(one, ev.NodeWaiting)
            and one.child is not None
            and one.child.execution_id == execution
        ]
        if [one.ref for one in asked] != [parent.ref]:
            yield f"{execution} says that {parent.ref} of {parent.execution_id} asked for it"
    head = above[0] if above else None
    depth = head.options.parent.depth if _has_parent(head) else 0  # type: ignore[union-attr]
    if parent.depth != depth + 1:
        yield f"{execution} is {parent.depth} deep under one that is {depth} deep"


def _has_parent(started: ev.Event | None) -> bool:
    options = started.options if isinstance(started, ev.ExecutionStarted) else None
    return options is not None and options.parent is not None


def _failures_are_followed(
    execution: str, events: Sequence[ev.Event], histories: Histories, plans: Mapping[str, Plan]
) -> Iterable[str]:
    started, end = events[0] if events else None, _end(events)
    if not isinstance(started, ev.ExecutionStarted):
        return
    plan = plans.get(started.definition_hash)
    wanted = plan.on_failure.workflow if plan is not None and plan.on_failure else ""
    followers = [
        one
        for one, of in histories.items()
        if of
        and isinstance(of[0], ev.ExecutionStarted)
        and of[0].options is not None
        and of[0].options.parent is not None
        and of[0].options.parent.execution_id == execution
        and of[0].options.parent.ref.attempt == 0
    ]
    due = bool(wanted) and end is not None and end.status in _BAD
    if len(followers) != int(due):
        yield f"{execution} has {len(followers)} failure flows, not {int(due)}"
