"""What the routes of history need from other services."""

from typing import Protocol

from penstock.api.history.v1 import history_service_pb2 as pb


class HistoryDoor(Protocol):
    """The past of executions and workflows. Everything raises `NotFound` for what does not belong
    to the account."""

    async def at(self, request: pb.GetExecutionAtRequest, tenant: str) -> pb.GetExecutionAtResponse:
        """An execution as it was."""
        ...

    async def compare(
        self, request: pb.CompareExecutionsRequest, tenant: str
    ) -> pb.CompareExecutionsResponse:
        """Two executions side by side."""
        ...

    async def versions(
        self, request: pb.CompareVersionsRequest, tenant: str
    ) -> pb.CompareVersionsResponse:
        """Two versions of a workflow side by side."""
        ...

    async def roll_back(
        self, request: pb.RollBackWorkflowRequest, tenant: str
    ) -> pb.RollBackWorkflowResponse:
        """An earlier version's content becomes the newest version."""
        ...

    async def rerun(
        self, request: pb.RerunExecutionRequest, tenant: str
    ) -> pb.RerunExecutionResponse:
        """Some nodes again, as a new execution."""
        ...

    async def fork(
        self, request: pb.ForkExecutionRequest, tenant: str
    ) -> pb.RerunExecutionResponse:
        """On from a past event, as a new execution."""
        ...
