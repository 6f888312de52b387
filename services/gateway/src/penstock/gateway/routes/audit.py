"""/v1/audit: what the self-audit found, and repairs."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.types import ASGIApp

from penstock.api.audit.v1 import audit_service_pb2 as api
from penstock.api.workflow.v1.workflow_service_pb2 import EXECUTION_DETAIL_OUTLINE
from penstock.common.errors import InvalidArgument, NotFound
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import AnyRequest, json_body, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.audit import AuditReport, Finding, RepairBody, Repaired, RepairReport
from penstock.gateway.views.executions import instant

_REPAIR = msgspec.json.Decoder(RepairBody)
_NOW = frozenset({"now"})
_TRUTHS = {"": False, "false": False, "0": False, "true": True, "1": True}


@get("/v1/audit")
async def get_audit(request: AnyRequest) -> ASGIApp:
    """The findings of all coordinators."""
    now = query_of(request, _NOW).get("now", "")
    if now not in _TRUTHS:
        raise InvalidArgument(
            f"{now[:40]!r} is neither true nor false.", fix="Give now=true.", path="query.now"
        )
    audits = doors_of(request).audits
    reports = await audits.reports(tenant_of(request), now=_TRUTHS[now])
    findings = tuple(Finding(**_facts(each)) for report in reports for each in report.findings)
    return json_answer(
        AuditReport(
            healthy=not findings,
            coordinators=len(reports),
            shards=sum(report.shards for report in reports),
            executions=sum(report.executions for report in reports),
            resting=sum(report.resting for report in reports),
            looks=sum(report.looks for report in reports),
            rounds=min((report.rounds for report in reports), default=0),
            findings=findings,
            dropped=sum(report.dropped for report in reports),
        )
    )


@post("/v1/audit/repair", status_code=200)
async def repair_findings(request: AnyRequest) -> ASGIApp:
    """Mend what was found; without `apply`, tell what would be done."""
    query_of(request)
    body = await json_body(request, _REPAIR, RepairBody())
    given = body.execution_id
    execution_id = execution_id_of(request, given, "execution_id") if given else ""
    audits, tenant = doors_of(request).audits, tenant_of(request)
    if execution_id:
        await _check_there(request, execution_id, given)
    if body.apply:
        done = await audits.repair(execution_id, tenant)
        repairs = tuple(
            Repaired(**_facts(each.finding), mended=not each.why_not, why_not=each.why_not)
            for each in done
        )
    else:
        reports = await audits.reports(tenant, now=False)
        repairs = tuple(
            Repaired(**_facts(each), mended=False, why_not="a dry run changes nothing")
            for report in reports
            for each in report.findings
            if not execution_id or each.execution_id == execution_id
        )
    return json_answer(RepairReport(applied=body.apply, repairs=repairs))


async def _check_there(request: AnyRequest, execution_id: str, given: str) -> None:
    """That nothing was found of an execution means well only if there is one."""
    try:
        reads = doors_of(request).reads
        await reads.execution(execution_id, tenant_of(request), EXECUTION_DETAIL_OUTLINE)
    except NotFound:
        raise NotFound(
            f"There is no execution {given[:80]!r}.",
            fix="`GET /v1/executions` lists executions.",
            path="execution_id",
        ) from None


def _facts(finding: api.Finding) -> dict[str, Any]:
    return {
        "invariant": finding.invariant,
        "execution_id": finding.execution_id,
        "shard": finding.shard,
        "message": finding.message,
        "repair": finding.repair,
        "found_at": instant(finding.found_at.ToMicroseconds()),
    }


AUDIT_ROUTES = (get_audit, repair_findings)
