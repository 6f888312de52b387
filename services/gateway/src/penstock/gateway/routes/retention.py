"""/v1/retention: what would be removed now."""

from google.protobuf.duration_pb2 import Duration
from litestar import get
from litestar.types import ASGIApp

from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.requests import AnyRequest, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.retention import RetentionReport, WorkflowRetention


@get("/v1/retention")
async def preview_retention(request: AnyRequest) -> ASGIApp:
    """A dry run of the sweep: counts, and removes nothing."""
    query_of(request)
    found = await doors_of(request).retention.preview(tenant_of(request))
    workflows = tuple(
        WorkflowRetention(
            workflow=one.workflow,
            completed_s=_seconds(one.completed) if one.HasField("completed") else None,
            failed_s=_seconds(one.failed) if one.HasField("failed") else None,
            executions=one.executions,
        )
        for one in found.workflows
    )
    return json_answer(
        RetentionReport(
            executions=sum(one.executions for one in workflows),
            payloads=found.payloads,
            operations=found.operations,
            exact=found.exact,
            workflows=workflows,
        )
    )


def _seconds(kept: Duration) -> float:
    return kept.ToMicroseconds() / 1e6


RETENTION_ROUTES = (preview_retention,)
