"""Contracts to public JSON: executions and workflows. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Raw

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1 import payload_pb2 as payload
from penstock.api.workflow.v1 import workflow_service_pb2 as workflow
from penstock.gateway.shapes import executions as schema
from penstock.gateway.shapes.links import NodeLink, PayloadLink
from penstock.gateway.shapes.related import Origin, ParentLink

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NULL = Raw(b"null")
_EMPTY_SCHEMA = Raw(b"{}")
_encode = msgspec.json.encode

EXECUTION_STATUS = {
    number: name.removeprefix("EXECUTION_STATUS_")
    for name, number in journal.ExecutionStatus.items()
}
NODE_STATUS = {
    number: name.removeprefix("NODE_STATUS_") for name, number in journal.NodeStatus.items()
}
SKIP_REASON = {
    number: name.removeprefix("SKIP_REASON_") for name, number in journal.SkipReason.items()
}
_ERROR_CLASS = {
    number: name.removeprefix("ERROR_CLASS_").lower() for name, number in payload.ErrorClass.items()
}

_BAD_ENDS = (
    journal.EXECUTION_STATUS_FAILED,
    journal.EXECUTION_STATUS_CANCELLED,
    journal.EXECUTION_STATUS_TIMED_OUT,
)

_LAST_US = 253_402_300_799_999_000
"""The end of the year 9999: later instants have no text."""


def instant(at_us: int) -> str:
    """RFC 3339 text in UTC of an instant in microseconds since the Unix epoch."""
    when = _EPOCH + timedelta(microseconds=max(0, min(at_us, _LAST_US)))
    return when.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def item_of(number: int) -> int | None:
    """The item, from 0, that contracts name by `number`; None for 0, the node itself."""
    return number - 1 if number else None


def instant_or_none(at_us: int) -> str | None:
    """As `instant`; None for 0."""
    return instant(at_us) if at_us else None


_Timed = workflow.Execution | workflow.NodeState | workflow.RefusedStart


def _timestamp(message: _Timed, field: str) -> str | None:
    if not message.HasField(field):  # type: ignore[arg-type]
        return None
    when: Timestamp = getattr(message, field)
    return instant(when.seconds * 1_000_000 + when.nanos // 1000)


def payload_json(value: payload.Payload) -> Raw:
    """The JSON text of a payload; a stored one becomes `{"$ref": digest, "size": bytes}`."""
    if value.WhichOneof("kind") == "ref":
        return Raw(_encode(PayloadLink(value.ref.digest, value.ref.size_bytes)))
    return Raw(value.json) if value.json else _NULL


def failure(message: payload.Failure) -> schema.Failure:
    """A failure as users see it."""
    details = Raw(message.details_json) if message.details_json else None
    return schema.Failure(
        _ERROR_CLASS[message.error_class].replace("unspecified", ""),
        message.reason,
        message.message,
        details,
    )


def log_lines(lines: Iterable[payload.LogLine]) -> tuple[schema.LogLine, ...]:
    """Console lines as users see them."""
    return tuple(schema.LogLine(instant(x.at_unix_us), x.level, x.message) for x in lines)


def output_json(node: workflow.NodeState) -> Raw | None:
    """The output of a node; one that is left out becomes `{"$node": id, "size": bytes}`."""
    if node.output_bytes:
        return Raw(_encode(NodeLink(node.id, node.output_bytes)))
    return payload_json(node.output) if node.HasField("output") else None


def node_state(node: workflow.NodeState) -> schema.NodeState:
    """One node of an execution."""
    return schema.NodeState(
        id=node.id,
        uses=node.uses,
        status=NODE_STATUS[node.status],
        attempt=node.attempt,
        needs=tuple(node.needs),
        started_at=_timestamp(node, "started_at"),
        finished_at=_timestamp(node, "finished_at"),
        output=output_json(node),
        failure=failure(node.failure) if node.HasField("failure") else None,
        items_total=node.items_total,
        items_done=node.items_done,
        items_failed=node.items_failed,
        waiting_for=node.waiting_for,
        worker=node.worker,
        logs=log_lines(node.logs),
        carried=node.carried,
        child_id=node.child_id,
    )


def execution_summary(message: workflow.Execution) -> schema.ExecutionSummary:
    """One execution of a list."""
    return schema.ExecutionSummary(
        id=message.id,
        workflow=message.workflow,
        version=message.version,
        status=EXECUTION_STATUS[message.status],
        started_at=_timestamp(message, "started_at"),
        finished_at=_timestamp(message, "finished_at"),
        tags=tuple(message.tags),
        nodes_total=message.nodes_total,
        nodes_done=message.nodes_done,
        definition_hash=message.definition_hash,
        failure=failure(message.failure) if message.HasField("failure") else None,
        failed_node=message.failed_node or None,
    )


def _origin(message: workflow.Execution) -> Origin | None:
    if not message.HasField("origin"):
        return None
    origin = message.origin
    kind = journal.OriginKind.Name(origin.kind).removeprefix("ORIGIN_KIND_")
    return Origin(origin.execution_id, origin.seq, kind)  # type: ignore[arg-type]


def execution(
    message: workflow.Execution,
    nodes: tuple[schema.NodeState, ...],
    past: schema.Moment | None = None,
) -> schema.Execution:
    """One execution with everything; `nodes` are its nodes, made already: they may be many."""
    return schema.Execution(
        id=message.id,
        workflow=message.workflow,
        version=message.version,
        status=EXECUTION_STATUS[message.status],
        started_at=_timestamp(message, "started_at"),
        finished_at=_timestamp(message, "finished_at"),
        tags=tuple(message.tags),
        nodes_total=message.nodes_total,
        nodes_done=message.nodes_done,
        definition_hash=message.definition_hash,
        failure=failure(message.failure) if message.HasField("failure") else None,
        params=payload_json(message.params),
        output=payload_json(message.output) if message.HasField("output") else None,
        partial=_partial(message) if message.status in _BAD_ENDS else None,
        failed_node=message.failed_node or None,
        last_seq=message.last_seq,
        nodes=nodes,
        origin=_origin(message),
        past=past,
        parent=_parent(message),
        not_before=_timestamp(message, "not_before"),
        vars=Raw(message.vars_json) if message.vars_json else None,
        refused_starts=tuple(map(_refused, message.refused_starts)),
        left_out=_left_out(message),
    )


def _left_out(message: workflow.Execution) -> str:
    sizes = [node.output_bytes for node in message.nodes if node.output_bytes]
    if not sizes:
        return ""
    return (
        f"The outputs of {len(sizes):,} nodes, {sum(sizes):,} bytes together, are left out; "
        f"read them one by one with GET /v1/executions/{message.id}/nodes/{{node}}."
    )


def _refused(start: workflow.RefusedStart) -> schema.RefusedStart:
    kind = workflow.RefusedStartKind.Name(start.kind).removeprefix("REFUSED_START_KIND_")
    return schema.RefusedStart(
        kind=kind,  # type: ignore[arg-type]
        workflow=start.workflow,
        node=start.node or None,
        item=start.ref.item - 1 if start.ref.item else None,
        attempt=start.ref.attempt,
        at=_timestamp(start, "refused_at") or "",
        failure=failure(start.failure),
    )


def _partial(message: workflow.Execution) -> dict[str, Raw]:
    """What there is of a run that has no result: how far each of its branches came."""
    done = [node for node in message.nodes if node.status == journal.NODE_STATUS_COMPLETED]
    taken = {parent for node in done for parent in node.needs}
    ends = ((node.id, output_json(node)) for node in done if node.id not in taken)
    return {name: output for name, output in ends if output is not None}


def _parent(message: workflow.Execution) -> ParentLink | None:
    if not message.HasField("parent"):
        return None
    return ParentLink(message.parent.execution_id, message.parent.depth)


def is_terminal(status: int) -> bool:
    """True if an execution with this status has ended."""
    return status not in (
        journal.EXECUTION_STATUS_RUNNING,
        journal.EXECUTION_STATUS_PAUSED,
        journal.EXECUTION_STATUS_UNSPECIFIED,
    )


def started(name: str, answer: workflow.StartExecutionResponse) -> schema.Started:
    """The answer to a start of the workflow `name`."""
    ended = is_terminal(answer.status)
    return schema.Started(
        id=answer.execution_id,
        workflow=name,
        version=answer.version,
        status=EXECUTION_STATUS[answer.status],
        existing=answer.existing,
        output=payload_json(answer.output) if ended and answer.HasField("output") else None,
        failure=failure(answer.failure) if answer.HasField("failure") else None,
    )


def issues(found: Iterable[workflow.Issue]) -> tuple[schema.Issue, ...]:
    """Findings of validation."""
    return tuple(
        schema.Issue(x.code, x.severity, x.line, x.column, x.path, x.message, x.fix) for x in found
    )


def _created_at(message: workflow.Workflow) -> str | None:
    if not message.HasField("created_at"):
        return None
    return instant(message.created_at.seconds * 1_000_000 + message.created_at.nanos // 1000)


def _params_schema(message: workflow.Workflow) -> Raw:
    return Raw(message.params_schema_json) if message.params_schema_json else _EMPTY_SCHEMA


def workflow_summary(message: workflow.Workflow) -> schema.WorkflowSummary:
    """One version in a list."""
    return schema.WorkflowSummary(
        name=message.name,
        version=message.version,
        description=message.description,
        definition_hash=message.definition_hash,
        created_at=_created_at(message),
        nodes=tuple(message.nodes),
        params_schema=_params_schema(message),
    )


def workflow_version(message: workflow.Workflow) -> schema.Workflow:
    """One version with its source."""
    return schema.Workflow(
        name=message.name,
        version=message.version,
        description=message.description,
        definition_hash=message.definition_hash,
        created_at=_created_at(message),
        nodes=tuple(message.nodes),
        params_schema=_params_schema(message),
        source=message.source,
    )


def applied(answer: workflow.ApplyWorkflowResponse) -> schema.Applied:
    """The version that an applied file became."""
    message = answer.workflow
    return schema.Applied(
        name=message.name,
        version=message.version,
        description=message.description,
        definition_hash=message.definition_hash,
        created_at=_created_at(message),
        nodes=tuple(message.nodes),
        params_schema=_params_schema(message),
        created=answer.created,
        issues=issues(answer.issues),
    )
