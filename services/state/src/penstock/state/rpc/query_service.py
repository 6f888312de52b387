"""QueryService: reads for everybody. The account of a call restricts every one of them."""

from typing import Any

import grpc

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_PAUSED, ExecutionStatus
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1.state_service_pb2_grpc import QueryServiceServicer
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import InvalidArgument, NotFound
from penstock.common.rpc.server import call_tenant
from penstock.state.ports import ExecutionFilter, ExecutionStore, FileSchedules, WorkflowStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.reading.events import EventReader
from penstock.state.reading.executions import ExecutionReader
from penstock.state.reading.pictures import summary
from penstock.state.rpc.checks import check_storable, checked_id

Context = grpc.aio.ServicerContext[Any, Any]

_KNOWN_MAX = 2_000


class QueryService(QueryServiceServicer):
    """Translates between the contract and the stores."""

    def __init__(
        self, reader: ExecutionReader, executions: ExecutionStore, workflows: WorkflowStore
    ) -> None:
        self._reader = reader
        self._executions = executions
        self._events = EventReader(executions)
        self._workflows = workflows

    async def GetExecution(
        self, request: wf.GetExecutionRequest, context: Context
    ) -> wf.GetExecutionResponse:
        """One execution, as much of it as is wanted."""
        tenant, execution_id = call_tenant(context), checked_id(request.execution_id)
        if request.node and request.detail:
            raise InvalidArgument(
                "a node is asked for together with a detail", fix="Give one of them.", path="node"
            )
        if request.node:
            execution = await self._reader.read_node(tenant, execution_id, request.node)
        else:
            execution = await self._reader.read(tenant, execution_id, request.detail)
        return wf.GetExecutionResponse(execution=execution)

    async def ListExecutions(
        self, request: wf.ListExecutionsRequest, context: Context
    ) -> wf.ListExecutionsResponse:
        """A page of the projection."""
        size = page_size_of(request.page_size)
        statuses = tuple(sorted(set(request.statuses)))
        unknown = [s for s in statuses if s not in ExecutionStatus.values() or s == 0]
        if unknown:
            raise InvalidArgument(
                f"there is no execution status {unknown[0]}",
                fix="Send numbers of ExecutionStatus other than 0, or none.",
            )
        if EXECUTION_STATUS_PAUSED in statuses and len(statuses) > 1:
            raise InvalidArgument(
                "PAUSED cannot be asked for together with other statuses",
                fix="Ask for PAUSED alone; RUNNING finds all that have not ended, paused or not.",
                path="query.status",
            )
        check_storable(workflow=request.workflow, tag=request.tag)
        chosen = ExecutionFilter(request.workflow, statuses, request.tag)
        token = request.page_token
        before = from_token(token, tuple[int, str], ("executions", *chosen)) if token else None
        rows = await self._executions.page(call_tenant(context), chosen, before, size + 1)
        answer = wf.ListExecutionsResponse(executions=map(summary, rows[:size]))
        if len(rows) > size:
            last = rows[size - 1]
            place = (last.started_us, last.execution_id)
            answer.next_page_token = to_token(place, ("executions", *chosen))
        return answer

    async def ReadEvents(
        self, request: pb.ReadEventsRequest, context: Context
    ) -> pb.ReadEventsResponse:
        """Part of one journal; if it is cut, `more` is set."""
        found = await self._events.page(
            call_tenant(context),
            checked_id(request.execution_id),
            request.after_seq,
            rows_max=request.rows_max,
            events_max=request.events_max,
        )
        return pb.ReadEventsResponse(batches=found.batches, more=found.more)

    async def FindKnown(
        self, request: pb.FindKnownRequest, context: Context
    ) -> pb.FindKnownResponse:
        """Which of these there are."""
        asked = [checked_id(each) for each in request.execution_ids]
        if len(asked) > _KNOWN_MAX:
            raise InvalidArgument(
                f"{len(asked)} executions at once", fix=f"Ask for at most {_KNOWN_MAX}."
            )
        found = await self._executions.known(call_tenant(context), asked) if asked else []
        return pb.FindKnownResponse(execution_ids=found)

    async def PutWorkflow(
        self, request: pb.PutWorkflowRequest, context: Context
    ) -> pb.PutWorkflowResponse:
        """Store a version. The caller has checked the file; here only what the keys need."""
        workflow = request.workflow
        for field in ("name", "definition_hash", "source"):
            if not getattr(workflow, field):
                raise InvalidArgument(f"workflow.{field} is empty")
        check_storable(name=workflow.name, source=workflow.source, description=workflow.description)
        tenant, file = call_tenant(context), None
        if request.now_unix_us:
            for schedule in request.schedules:
                schedule.tenant = tenant
            file = FileSchedules(request.schedules, request.now_unix_us)
        stored, created = await self._workflows.put(tenant, workflow, file)
        return pb.PutWorkflowResponse(workflow=stored, created=created)

    async def GetWorkflow(
        self, request: wf.GetWorkflowRequest, context: Context
    ) -> wf.GetWorkflowResponse:
        """One version, with its source."""
        tenant = call_tenant(context)
        check_storable(name=request.name)
        found = await self._workflows.find(tenant, request.name, request.version)
        if found is None:
            raise await self._missing(tenant, request.name, request.version)
        return wf.GetWorkflowResponse(workflow=found)

    async def _missing(self, tenant: str, name: str, version: int) -> NotFound:
        latest = await self._workflows.find(tenant, name, 0) if version else None
        if latest is None:
            return NotFound(
                f"there is no workflow {name!r}", fix="Apply its file first.", workflow=name
            )
        return NotFound(
            f"workflow {name!r} has no version {version}",
            fix=f"Its versions are 1 to {latest.version}.",
            workflow=name,
        )

    async def GetDefinition(
        self, request: pb.GetDefinitionRequest, context: Context
    ) -> pb.GetDefinitionResponse:
        """A definition by content."""
        check_storable(definition_hash=request.definition_hash)
        source = await self._workflows.definition(call_tenant(context), request.definition_hash)
        if source is None:
            raise NotFound(f"there is no definition {request.definition_hash[:80]!r}")
        return pb.GetDefinitionResponse(source=source)

    async def ListWorkflows(
        self, request: wf.ListWorkflowsRequest, context: Context
    ) -> wf.ListWorkflowsResponse:
        """A page of latest versions."""
        size = page_size_of(request.page_size)
        token = request.page_token
        after = from_token(token, str, ("workflows",)) if token else ""
        found = await self._workflows.page(call_tenant(context), after, size + 1)
        answer = wf.ListWorkflowsResponse(workflows=found[:size])
        if len(found) > size:
            answer.next_page_token = to_token(found[size - 1].name, ("workflows",))
        return answer

    async def ListWorkflowVersions(
        self, request: wf.ListWorkflowVersionsRequest, context: Context
    ) -> wf.ListWorkflowVersionsResponse:
        """A page of one workflow's versions."""
        size = page_size_of(request.page_size)
        token, name = request.page_token, request.name
        check_storable(name=name)
        before = from_token(token, int, ("versions", name)) if token else 0
        tenant = call_tenant(context)
        found = await self._workflows.page_versions(tenant, name, before, size + 1)
        if not found and not before:
            raise await self._missing(tenant, name, 0)
        answer = wf.ListWorkflowVersionsResponse(versions=found[:size])
        if len(found) > size:
            answer.next_page_token = to_token(found[size - 1].version, ("versions", name))
        return answer
