"""AuditService: what this coordinator found wrong with its executions, and repairs."""

from typing import Any

import grpc

from penstock.api.audit.v1 import audit_service_pb2 as pb
from penstock.api.audit.v1.audit_service_pb2_grpc import AuditServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.audit.findings import Finding
from penstock.coordinator.shell.coordinator import Coordinator

Context = grpc.aio.ServicerContext[Any, Any]


class AuditRpc(AuditServiceServicer):
    """Translates between the contract and the audit."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def GetAudit(self, request: pb.GetAuditRequest, context: Context) -> pb.GetAuditResponse:
        """What was found."""
        of = self._coordinator
        if request.now:
            await of.audit.go_round()
        findings, tenant = of.audit.findings, call_tenant(context)
        return pb.GetAuditResponse(
            coordinator_id=of.id,
            executions=len(of.executions),
            resting=of.audit.resting,
            shards=len(of.shards),
            looks=of.audit.checked,
            rounds=of.audit.rounds,
            findings=[_to_proto(each) for each in findings.found.values() if each.tenant == tenant],
            dropped=findings.dropped,
            coordinators=of.shards.members,
        )

    async def RepairFindings(
        self, request: pb.RepairFindingsRequest, context: Context
    ) -> pb.RepairFindingsResponse:
        """Mend what was found."""
        found = self._coordinator.audit.findings.found.values()
        wanted, tenant = request.execution_id, call_tenant(context)
        chosen = [
            each
            for each in found
            if each.tenant == tenant and (not wanted or each.execution_id == wanted)
        ]
        return pb.RepairFindingsResponse(
            repaired=[
                pb.Repaired(finding=_to_proto(finding), why_not=why_not)
                for finding, why_not in await self._coordinator.mending.mend(chosen)
            ]
        )


def _to_proto(finding: Finding) -> pb.Finding:
    message = pb.Finding(
        invariant=finding.invariant,
        execution_id=finding.execution_id,
        shard=finding.shard,
        message=finding.message,
        repair=finding.repair.value,
    )
    message.found_at.FromMicroseconds(finding.found_us)
    return message
