"""What routes of interventions need of coordinators."""

from typing import Protocol

from penstock.api.workflow.v1 import intervention_service_pb2 as api


class Interventions(Protocol):
    """What people do to executions. Each answers once it is on disk; whoever owns the execution is
    found by asking."""

    async def pause(
        self, request: api.PauseExecutionRequest, tenant: str
    ) -> api.PauseExecutionResponse:
        """Hand out nothing new."""
        ...

    async def resume(
        self, request: api.ResumeExecutionRequest, tenant: str
    ) -> api.ResumeExecutionResponse:
        """End a pause."""
        ...

    async def intervene(
        self, request: api.InterveneNodeRequest, tenant: str
    ) -> api.InterveneNodeResponse:
        """Do something to a node; raises `Conflict` if that cannot be done as it stands."""
        ...
