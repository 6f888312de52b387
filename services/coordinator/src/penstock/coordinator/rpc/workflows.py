"""WorkflowService: the public API, on every coordinator."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import grpc
import msgspec

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceServicer
from penstock.common.errors import InvalidWorkflow
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.adapters.watching import Watching
from penstock.coordinator.rpc.starts import StartsStream
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.starts.checking_files import FileChecks
from penstock.coordinator.shell.starts.one_start import start_one
from penstock.workflow.compile import Checked, check
from penstock.workflow.issues import Issue, to_dicts

Context = grpc.aio.ServicerContext[Any, Any]


class WorkflowRpc(WorkflowServiceServicer):
    """Translates between the contract and the shell; reads pass through to state."""

    def __init__(
        self, coordinator: Coordinator, watching: Watching, tasks: asyncio.TaskGroup
    ) -> None:
        self._coordinator = coordinator
        self._queries = coordinator.state.queries
        self._watching = watching
        self._tasks = tasks
        self._streams: dict[StartsStream, None] = {}
        self._checks = FileChecks()

    def close(self) -> None:
        """End the streams of starts: their callers open them again elsewhere. Check no more."""
        self._checks.close()
        for stream in self._streams:
            stream.close()

    async def ValidateWorkflow(
        self, request: pb.ValidateWorkflowRequest, context: Context
    ) -> pb.ValidateWorkflowResponse:
        """Check a file."""
        checked = await self._check(request.source)
        return pb.ValidateWorkflowResponse(valid=checked.valid, issues=_issues(checked.issues))

    async def ApplyWorkflow(
        self, request: pb.ApplyWorkflowRequest, context: Context
    ) -> pb.ApplyWorkflowResponse:
        """Store a file as a version. Raises `InvalidWorkflow` with all findings."""
        checked = await self._check(request.source)
        plan = checked.plan
        if plan is None:
            raise InvalidWorkflow(issues=to_dicts(checked.issues))
        tenant = call_tenant(context)
        workflow = pb.Workflow(
            name=plan.name,
            definition_hash=plan.definition_hash,
            source=request.source,
            description=plan.description,
            nodes=[node.id for node in plan.nodes if not node.hidden],
            params_schema_json=msgspec.json.encode(plan.params_schema),
        )
        stored, created = await self._coordinator.definitions.store(tenant, workflow, plan)
        answer = pb.ApplyWorkflowResponse(
            workflow=stored, created=created, issues=_issues(checked.issues)
        )
        answer.workflow.source = ""
        return answer

    async def _check(self, source: str) -> Checked:
        types = self._coordinator.types
        return await self._checks.run(lambda text: check(text, types), source)

    async def GetWorkflow(
        self, request: pb.GetWorkflowRequest, context: Context
    ) -> pb.GetWorkflowResponse:
        """A version with its source."""
        found = await self._queries.get_workflow(
            call_tenant(context), request.name, request.version
        )
        return pb.GetWorkflowResponse(workflow=found)

    async def ListWorkflows(
        self, request: pb.ListWorkflowsRequest, context: Context
    ) -> pb.ListWorkflowsResponse:
        """A page of workflows."""
        return await self._queries.list_workflows(call_tenant(context), request)

    async def ListWorkflowVersions(
        self, request: pb.ListWorkflowVersionsRequest, context: Context
    ) -> pb.ListWorkflowVersionsResponse:
        """A page of versions."""
        return await self._queries.list_workflow_versions(call_tenant(context), request)

    async def StartExecution(
        self, request: pb.StartExecutionRequest, context: Context
    ) -> pb.StartExecutionResponse:
        """Start one."""
        return await start_one(self._coordinator.starts, call_tenant(context), request)

    async def StartExecutions(
        self, request_iterator: AsyncIterator[pb.StartExecutionsRequest], context: Context
    ) -> AsyncIterator[pb.StartExecutionsResponse]:
        """Start many."""
        stream = StartsStream(self._coordinator.starts)
        reader = self._tasks.create_task(stream.read(request_iterator))
        self._streams[stream] = None
        try:
            async for answer in stream.answers():
                yield answer
        finally:
            self._streams.pop(stream, None)
            reader.cancel()

    async def GetExecution(
        self, request: pb.GetExecutionRequest, context: Context
    ) -> pb.GetExecutionResponse:
        """One execution with its nodes."""
        found = await self._queries.get_execution(call_tenant(context), request)
        return pb.GetExecutionResponse(execution=found)

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: Context
    ) -> pb.ListExecutionsResponse:
        """A page of executions."""
        return await self._queries.list_executions(call_tenant(context), request)

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionResponse:
        """End one."""
        status = await self._coordinator.interventions.cancel(
            call_tenant(context), request.execution_id, request.reason
        )
        return pb.CancelExecutionResponse(status=status)  # type: ignore[arg-type]

    async def SignalExecution(
        self, request: pb.SignalExecutionRequest, context: Context
    ) -> pb.SignalExecutionResponse:
        """Hand data to one."""
        await self._coordinator.interventions.signal(
            call_tenant(context),
            request.execution_id,
            request.name,
            request.payload_json,
            request.signal_id,
        )
        return pb.SignalExecutionResponse()

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """Events of one execution, without gap or repeat, until it ends."""
        batches = self._watching.follow(
            call_tenant(context), request.execution_id, request.after_seq
        )
        async with aclosing(batches):
            async for batch in batches:
                yield pb.WatchEventsResponse(batch=batch)


def _issues(issues: Iterable[Issue]) -> list[pb.Issue]:
    return [pb.Issue(**issue.to_dict()) for issue in issues]
