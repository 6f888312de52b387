"""Notices as they are written, read and delivered: the core's values as messages of the peers'
contract, and what a message means to the execution that gets it."""

from zlib import crc32

import msgspec

from penstock.api.peer.v1 import peer_service_pb2 as peer
from penstock.api.workflow.v1.workflow_service_pb2 import (
    REFUSED_START_KIND_FAILURE_FLOW,
    REFUSED_START_KIND_RETRY_HOOK,
    REFUSED_START_KIND_SUB_WORKFLOW,
    RefusedStart,
)
from penstock.common.child_codec import write_parent
from penstock.common.ids import keyed_ulid
from penstock.common.value_codec import (
    failure_from_proto,
    payload_from_proto,
    write_failure,
    write_payload,
)
from penstock.coordinator.core.failure_report import with_id
from penstock.coordinator.core.inputs import CancelAsked, ChildEnded
from penstock.coordinator.core.notices import (
    ChildCancel,
    ChildEnd,
    ChildStart,
    Notice,
    ReportStart,
)
from penstock.workflow.execution.events import Parent
from penstock.workflow.execution.values import ExecutionStatus, Failure, NodeRef

_DETAILS_BYTES_MAX = 16 * 1024
"""More details of a refused start are not kept: the first findings are in its message."""


def notice_to_proto(
    notice: Notice, tenant: str, sender_id: str, traceparent: str = ""
) -> peer.Notice:
    """A notice of an execution."""
    message = peer.Notice(tenant=tenant, sender_id=sender_id)
    match notice:
        case ChildStart():
            message.target_id = notice.child_id
            start = message.start
            start.workflow, start.version = notice.workflow, notice.version
            write_payload(start.params, notice.params)
            start.tags.extend(notice.tags)
            if notice.priority is not None:
                start.priority_plus_one = notice.priority + 1
            start.traceparent = traceparent
            start.debug = notice.debug
            parent = Parent(sender_id, notice.ref, notice.depth, notice.detached)
            write_parent(start.parent, parent)
        case ReportStart():
            message.target_id = _id_of_report(notice.ref, sender_id)
            start = message.start
            start.workflow, start.traceparent = notice.workflow, traceparent
            start.params.json = msgspec.json.encode(notice.params)
            start.trigger.json = with_id(sender_id, notice.report)
            write_parent(start.parent, Parent(sender_id, notice.ref, notice.depth, True))
        case ChildEnd():
            message.target_id = notice.parent.execution_id
            message.end.status = int(notice.status)  # type: ignore[assignment]
            write_payload(message.end.output, notice.output)
            message.end.node_id = notice.node_id
            if notice.failure is not None:
                write_failure(message.end.failure, notice.failure)
        case ChildCancel():
            message.target_id = notice.child_id
            message.cancel.reason = notice.reason
    return message


def refusal_of(notice: peer.Notice, failure: Failure, at_us: int) -> RefusedStart:
    """What readers of the execution that asked for a start are told when it can never be made."""
    start = notice.start
    told = RefusedStart(workflow=start.workflow, ref=start.parent.ref)
    if not start.parent.ref.attempt:
        told.kind = REFUSED_START_KIND_FAILURE_FLOW
    elif start.HasField("trigger"):
        told.kind = REFUSED_START_KIND_RETRY_HOOK
    else:
        told.kind = REFUSED_START_KIND_SUB_WORKFLOW
    if len(failure.details_json) > _DETAILS_BYTES_MAX:
        failure = msgspec.structs.replace(failure, details_json=b"")
    write_failure(told.failure, failure)
    told.refused_at.FromMicroseconds(at_us)
    return told


def _id_of_report(ref: NodeRef, sender_id: str) -> str:
    """One for the end of an execution, one for each attempt."""
    if not ref.attempt:
        return keyed_ulid("on_failure", sender_id)
    return keyed_ulid("on_retry", sender_id, str(ref.node), str(ref.item), str(ref.attempt))


def go_together(one: peer.Notice, other: peer.Notice) -> bool:
    """True if it does not matter which of two that stand behind each other arrives first: ends of
    two sub-workflows of one execution."""
    return (
        one.HasField("end")
        and other.HasField("end")
        and one.target_id == other.target_id
        and one.tenant == other.tenant
    )


def input_of(message: peer.Notice) -> ChildEnded | CancelAsked:
    """What a notice tells an execution that is there; not for one that starts it."""
    if message.HasField("cancel"):
        return CancelAsked(message.cancel.reason)
    end = message.end
    failure = failure_from_proto(end.failure) if end.HasField("failure") else None
    return ChildEnded(
        message.sender_id,
        ExecutionStatus(end.status),
        payload_from_proto(end.output),
        failure,
        _draw(message.sender_id),
        end.node_id,
    )


def _draw(child_id: str) -> float:
    """Chance for the back-off of a failed child's node: its id is as good as any, and the same
    however often the notice comes."""
    return crc32(child_id.encode()) / (1 << 32)
