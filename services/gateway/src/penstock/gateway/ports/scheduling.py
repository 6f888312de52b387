"""What the routes of scheduling need from other services."""

from typing import Protocol

from penstock.api.scheduling.v1 import scheduling_service_pb2 as pb


class SchedulingDoor(Protocol):
    """What waits for workers, and why."""

    async def queues(self, tenant: str) -> list[pb.ListQueuesResponse]:
        """What waits of the account, at each coordinator. Raises `Unavailable` if one of them does
        not answer."""
        ...

    async def explain(self, execution_id: str, tenant: str) -> pb.ExplainExecutionResponse:
        """Why the nodes of an execution have not ended. Raises `NotFound` for what does not belong
        to the account."""
        ...
