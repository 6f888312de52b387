"""HistoryQueryService: what was, and what differs. The account of a call restricts every read."""

from typing import Any

import grpc

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.history.v1.history_service_pb2_grpc import HistoryQueryServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.rpc.server import call_tenant
from penstock.common.value_codec import write_failure
from penstock.state.reading.executions import Moment
from penstock.state.reading.history import HistoryReader
from penstock.state.reading.pictures import set_time, summary
from penstock.state.rpc.checks import check_storable, checked_id
from penstock.workflow.compare.executions import NodeComparison
from penstock.workflow.compare.values import Differences
from penstock.workflow.compare.versions import VersionComparison
from penstock.workflow.execution.view import NodeView

Context = grpc.aio.ServicerContext[Any, Any]


class HistoryQueryService(HistoryQueryServiceServicer):
    """Translates between the contract and the reader."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader

    async def GetExecutionAt(
        self, request: pb.GetExecutionAtRequest, context: Context
    ) -> pb.GetExecutionAtResponse:
        """Fold one up to a moment."""
        execution_id = checked_id(request.execution_id)
        has_instant = request.HasField("at")
        if (request.seq > 0) == has_instant:
            raise InvalidArgument(
                "a past moment is a sequence or an instant",
                fix="Give one of the two; sequences count from 1.",
                path="seq",
            )
        at_us = request.at.ToMicroseconds() if has_instant else 0
        if has_instant and at_us <= 0:
            raise InvalidArgument(
                "no execution had begun by then", fix="Give a later instant.", path="at"
            )
        moment = Moment(request.seq, at_us)
        past = await self._reader.at(call_tenant(context), execution_id, moment, request.node)
        answer = pb.GetExecutionAtResponse(execution=past.execution, newest_seq=past.newest_seq)
        set_time(answer.at, past.at_us)
        return answer

    async def CompareExecutions(
        self, request: pb.CompareExecutionsRequest, context: Context
    ) -> pb.CompareExecutionsResponse:
        """Two executions side by side."""
        left, right = checked_id(request.left), checked_id(request.right)
        compared = await self._reader.compare(call_tenant(context), left, right)
        found = compared.found
        answer = pb.CompareExecutionsResponse(
            left=summary(compared.left),
            right=summary(compared.right),
            same=found.same,
            params=_differences(found.params),
            output=_differences(found.output),
            nodes=map(_node, found.nodes),
            diverges_at=found.diverges_at,
            summary=found.summary,
            vars=_differences(found.vars),
        )
        if found.versions is not None:
            versions = (compared.left.version, compared.right.version)
            answer.versions.CopyFrom(_versions(*versions, found.versions))
        return answer

    async def CompareVersions(
        self, request: pb.CompareVersionsRequest, context: Context
    ) -> pb.CompareVersionsResponse:
        """Two versions of a workflow."""
        check_storable(workflow=request.workflow)
        left, right, found = await self._reader.versions(
            call_tenant(context), request.workflow, request.left, request.right
        )
        return pb.CompareVersionsResponse(comparison=_versions(left, right, found))


def _differences(found: Differences) -> pb.Differences:
    return pb.Differences(
        places=[
            pb.Difference(
                path=place.path,
                kind=int(place.kind),  # type: ignore[arg-type]
                left=place.left,
                right=place.right,
            )
            for place in found.places
        ],
        cut=found.cut,
    )


def _versions(left: int, right: int, found: VersionComparison) -> pb.VersionComparison:
    return pb.VersionComparison(
        left=left,
        right=right,
        same=found.same,
        added=found.added,
        removed=found.removed,
        changed=[
            pb.ChangedNode(id=node.id, differences=_differences(node.differences))
            for node in found.changed
        ],
        flow=_differences(found.flow),
    )


def _node(found: NodeComparison) -> pb.NodeComparison:
    node = pb.NodeComparison(
        id=found.id,
        differs=found.differs,
        inputs=found.inputs,
        output=_differences(found.output),
    )
    if found.left is not None:
        _write_side(node.left, found.left)
    if found.right is not None:
        _write_side(node.right, found.right)
    return node


def _write_side(side: pb.NodeSide, view: NodeView) -> None:
    side.status = int(view.status)  # type: ignore[assignment]
    side.attempt = view.attempt
    if view.started_us and view.finished_us:
        side.duration_us = max(0, view.finished_us - view.started_us)
    if view.failure is not None:
        write_failure(side.failure, view.failure)
