"""The self-audit of all coordinators: each is asked about its own shards."""

from penstock.api.audit.v1 import audit_service_pb2 as api
from penstock.api.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.asking_all import ask_all
from penstock.gateway.adapters.coordinators import Coordinators

_ROUND_S = 120.0
"""A round over everything may take its time."""


class Audits:
    """`ports.Audits` over gRPC. A coordinator that cannot be reached makes the whole answer fail:
    half an audit would look like a good one."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def reports(self, tenant: str, *, now: bool) -> list[api.GetAuditResponse]:
        """See `ports.Audits`."""
        request = api.GetAuditRequest(now=now)

        async def ask(address: str) -> api.GetAuditResponse:
            stub = AuditServiceStub((await self._coordinators.link(address)).channel)
            answer: api.GetAuditResponse = await call(
                stub.GetAudit, request, tenant=tenant, timeout_s=_ROUND_S
            )
            return answer

        return await ask_all(await self._addresses(tenant), ask)

    async def repair(self, execution_id: str, tenant: str) -> list[api.Repaired]:
        """See `ports.Audits`."""
        request = api.RepairFindingsRequest(execution_id=execution_id)
        repaired: list[api.Repaired] = []
        for address in await self._addresses(tenant):
            stub = AuditServiceStub((await self._coordinators.link(address)).channel)
            answer = await call(stub.RepairFindings, request, tenant=tenant, timeout_s=_ROUND_S)
            repaired.extend(answer.repaired)
        return repaired

    async def _addresses(self, tenant: str) -> list[str]:
        """Where all live coordinators are, as the first one knows it."""
        stub = AuditServiceStub((await self._coordinators.link()).channel)
        answer = await call(stub.GetAudit, api.GetAuditRequest(), tenant=tenant)
        return list(answer.coordinators)
