"""Interventions over gRPC, at the coordinator that owns the execution."""

from typing import Any

from penstock.api.workflow.v1 import intervention_service_pb2 as api
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link


class CoordinatorInterventions:
    """`Interventions` over the connections to coordinators."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def _ask(self, method: str, request: Any, tenant: str) -> Any:
        async def ask(link: Link) -> Any:
            stub = InterventionServiceStub(link.channel)
            return await call(getattr(stub, method), request, tenant=tenant)

        return await self._coordinators.at_owner(ask)

    async def pause(
        self, request: api.PauseExecutionRequest, tenant: str
    ) -> api.PauseExecutionResponse:
        """See `Interventions.pause`."""
        answer: api.PauseExecutionResponse = await self._ask("PauseExecution", request, tenant)
        return answer

    async def resume(
        self, request: api.ResumeExecutionRequest, tenant: str
    ) -> api.ResumeExecutionResponse:
        """See `Interventions.resume`."""
        answer: api.ResumeExecutionResponse = await self._ask("ResumeExecution", request, tenant)
        return answer

    async def intervene(
        self, request: api.InterveneNodeRequest, tenant: str
    ) -> api.InterveneNodeResponse:
        """See `Interventions.intervene`."""
        answer: api.InterveneNodeResponse = await self._ask("InterveneNode", request, tenant)
        return answer
