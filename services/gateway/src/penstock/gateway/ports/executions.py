"""What the routes of executions and workflows, and the hub, need of coordinators and state."""

from collections.abc import Sequence
from typing import Protocol

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.workflow.v1 import workflow_service_pb2 as api


class Commands(Protocol):
    """Coordinators. Whoever owns an execution is found by asking."""

    async def start(
        self, request: api.StartExecutionRequest, tenant: str, wait_s: float | None
    ) -> api.StartExecutionResponse:
        """Start an execution; answers once it is on disk, with `wait_s` once it has ended or the
        time is up.
        """
        ...

    async def validate(self, source: str, tenant: str) -> api.ValidateWorkflowResponse:
        """Check a file."""
        ...

    async def apply(self, source: str, tenant: str) -> api.ApplyWorkflowResponse:
        """Store a file as a version; raises `InvalidWorkflow`."""
        ...

    async def cancel(
        self, execution_id: str, reason: str, tenant: str
    ) -> api.CancelExecutionResponse:
        """End an execution."""
        ...

    async def signal(self, request: api.SignalExecutionRequest, tenant: str) -> None:
        """Hand data to an execution."""
        ...


class Reads(Protocol):
    """State's readers. Everything raises `NotFound` for what does not belong to the account."""

    async def execution(
        self,
        execution_id: str,
        tenant: str,
        detail: api.ExecutionDetail.ValueType = api.EXECUTION_DETAIL_UNSPECIFIED,
    ) -> api.Execution:
        """One execution, as much of it as is wanted."""
        ...

    async def node(self, execution_id: str, node: str, tenant: str) -> api.Execution:
        """One execution with one of its nodes, whose output is whole."""
        ...

    async def events(
        self, execution_id: str, tenant: str, after_seq: int, events_max: int = 0
    ) -> tuple[Sequence[EventBatch], bool]:
        """A part of the journal, at most so many events or as many as come at once, and whether
        there is more."""
        ...

    async def workflow(self, name: str, version: int, tenant: str) -> api.Workflow:
        """One version (0: the latest) with its source."""
        ...

    async def workflows(self, size: int, cursor: str, tenant: str) -> api.ListWorkflowsResponse:
        """A page of the latest versions."""
        ...

    async def versions(
        self, name: str, size: int, cursor: str, tenant: str
    ) -> api.ListWorkflowVersionsResponse:
        """A page of the versions of one api."""
        ...

    async def payload(self, digest: str, tenant: str) -> bytes:
        """JSON text of a stored value."""
        ...
