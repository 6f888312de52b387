"""Messages of the contracts in one plain form, whichever of their forms the services chose."""

from collections.abc import Iterator
from functools import lru_cache

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.common.journal_codec import decode_batch
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import NodeRef


def ref_of(ref: object) -> NodeRef:
    return NodeRef(ref.node, ref.item, ref.attempt)  # type: ignore[attr-defined]


def tasks_of(group: pb.ExecutionTasks) -> Iterator[NodeRef]:
    """The attempts that a group hands out."""
    for node in group.first_attempts:
        yield NodeRef(node, 0, 1)
    for task in group.tasks:
        yield ref_of(task.ref)


def outcomes_of(report: pb.SegmentReport) -> list[NodeRef]:
    """The attempts that a report is about, in order."""
    row = report.completed
    refs = [
        NodeRef(node, 0, row.attempt if place == 0 else 1) for place, node in enumerate(row.nodes)
    ]
    return refs + [ref_of(outcome.ref) for outcome in report.outcomes]


def lease_of(report: pb.SegmentReport) -> NodeRef:
    """The attempt under whose lease a report is made."""
    return ref_of(report.lease) if report.HasField("lease") else outcomes_of(report)[0]


def continued(report: pb.SegmentReport) -> NodeRef | None:
    """The attempt that the reporter wants to go on with."""
    return ref_of(report.continue_with) if report.HasField("continue_with") else None


decoded = lru_cache(2_000)(decode_batch)
"""A journal row: several observers look at each, events do not change."""


@lru_cache(2_000)
def events_of(body: bytes) -> tuple[ev.Event, ...]:
    """The events of a journal row, each by itself."""
    return tuple(apart(decoded(body)[3]))


def apart(events: object) -> Iterator[ev.Event]:
    """Events that stand for several, taken apart."""
    for event in events:  # type: ignore[attr-defined]
        if hasattr(event, "apart"):
            yield from event.apart()
        else:
            yield event
