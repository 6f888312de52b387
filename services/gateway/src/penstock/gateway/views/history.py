"""History's contracts to public JSON. Pure."""

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.gateway.shapes import history as schema
from penstock.gateway.views.executions import (
    EXECUTION_STATUS,
    NODE_STATUS,
    execution_summary,
    failure,
)

_KIND = {
    number: name.removeprefix("DIFFERENCE_KIND_") for name, number in pb.DifferenceKind.items()
}
_US_PER_MS = 1000


def differences(message: pb.Differences) -> schema.Differences:
    """Places that differ."""
    return schema.Differences(tuple(map(_difference, message.places)), message.cut)


def _difference(place: pb.Difference) -> schema.Difference:
    kind = _KIND[place.kind]
    return schema.Difference(
        place.path,
        kind,  # type: ignore[arg-type]
        None if kind == "ADDED" else place.left,
        None if kind == "REMOVED" else place.right,
    )


def version_comparison(message: pb.VersionComparison) -> schema.VersionComparison:
    """Two versions."""
    return schema.VersionComparison(
        left=message.left,
        right=message.right,
        same=message.same,
        added=tuple(message.added),
        removed=tuple(message.removed),
        changed=tuple(
            schema.ChangedNode(node.id, differences(node.differences)) for node in message.changed
        ),
        flow=differences(message.flow),
    )


def execution_comparison(message: pb.CompareExecutionsResponse) -> schema.ExecutionComparison:
    """Two executions."""
    versions = version_comparison(message.versions) if message.HasField("versions") else None
    return schema.ExecutionComparison(
        left=_side(message.left),
        right=_side(message.right),
        same=message.same,
        summary=message.summary,
        diverges_at=message.diverges_at or None,
        params=differences(message.params),
        output=differences(message.output),
        nodes=tuple(map(_node, message.nodes)),
        versions=versions,
        vars=differences(message.vars),
    )


def _side(message: api.Execution) -> schema.ExecutionSide:
    whole = execution_summary(message)
    return schema.ExecutionSide(
        whole.id,
        whole.workflow,
        whole.version,
        EXECUTION_STATUS[message.status],
        whole.started_at,
        whole.finished_at,
    )


def _node(message: pb.NodeComparison) -> schema.NodeComparison:
    return schema.NodeComparison(
        id=message.id,
        left=_node_side(message.left) if message.HasField("left") else None,
        right=_node_side(message.right) if message.HasField("right") else None,
        differs=tuple(message.differs),
        inputs=tuple(message.inputs),
        output=differences(message.output),
    )


def _node_side(side: pb.NodeSide) -> schema.NodeSide:
    return schema.NodeSide(
        NODE_STATUS[side.status],
        side.attempt,
        side.duration_us / _US_PER_MS if side.duration_us else None,
        failure(side.failure) if side.HasField("failure") else None,
    )


def rerun(answer: pb.RerunExecutionResponse) -> schema.Rerun:
    """A new execution made from a past one."""
    return schema.Rerun(
        answer.execution_id, answer.workflow, answer.version, answer.existing, tuple(answer.carried)
    )
