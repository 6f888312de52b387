"""A coordinator and a state in one process and in memory, speaking the real contracts.

Workflows by name: `echo` ends at once with its parameters as output, `slow` runs until the test
ends it, `broken` ends FAILED; others that were applied are like `echo`.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import msgspec

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1.payload_pb2 import ERROR_CLASS_USER, Failure, Payload, PayloadRef
from penstock.api.search.v1.search_service_pb2_grpc import (
    add_DeadLetterServiceServicer_to_server,
    add_SearchServiceServicer_to_server,
)
from penstock.api.state.v1 import state_service_pb2 as state
from penstock.api.state.v1.state_service_pb2_grpc import (
    PayloadServiceServicer,
    QueryServiceServicer,
    add_PayloadServiceServicer_to_server,
    add_QueryServiceServicer_to_server,
)
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.api.workflow.v1.workflow_service_pb2_grpc import (
    WorkflowServiceServicer,
    add_WorkflowServiceServicer_to_server,
)
from penstock.common.errors import InvalidWorkflow, NotFound, PenstockError, to_facts
from penstock.common.feed import is_last
from penstock.common.ids import IdSource, keyed_ulid, named_ulid
from penstock.common.rpc.server import DEFAULT_TENANT, RunningServer, call_tenant, open_server
from penstock.common.rpc.streams import Outbox
from support.gateway.fake_finding import FakeFinding

NODES = ("first", "second")
START_US = 1_700_000_000_000_000
ENDED = journal.EXECUTION_STATUS_RUNNING + 1


class FakeExecution:
    """One execution: its journal, and who waits for more of it."""

    def __init__(self, execution_id: str, request: api.StartExecutionRequest) -> None:
        self.id = execution_id
        self.request = request
        self.batches: list[journal.EventBatch] = []
        self.news = asyncio.Event()

    @property
    def last_seq(self) -> int:
        return sum(len(batch.events) for batch in self.batches)

    def add(self, *events: journal.Event) -> None:
        first = self.last_seq + 1
        self.batches.append(
            journal.EventBatch(
                execution_id=self.id, first_seq=first, at_unix_us=START_US + first, events=events
            )
        )
        self.news.set()
        self.news = asyncio.Event()

    def complete(self, node: int, text: bytes) -> None:
        """Queue and complete a node."""
        done = journal.NodeCompleted(
            ref=journal.NodeRef(node=node, attempt=1), output=Payload(json=text)
        )
        self.add(
            journal.Event(nodes_queued=journal.NodesQueued(nodes=[node])),
            journal.Event(node_completed=done),
        )

    def end(self, text: bytes = b"null", status: int = journal.EXECUTION_STATUS_COMPLETED) -> None:
        ended = journal.ExecutionEnded(status=status)
        if status == journal.EXECUTION_STATUS_COMPLETED:
            ended.output.json = text
        else:
            ended.failure.CopyFrom(
                Failure(error_class=ERROR_CLASS_USER, reason="THROWN", message="it broke")
            )
            ended.node_plus_one = 1
        self.add(journal.Event(execution_ended=ended))

    @property
    def ended(self) -> journal.ExecutionEnded | None:
        if self.batches and is_last(self.batches[-1]):
            return self.batches[-1].events[-1].execution_ended
        return None

    def picture(self) -> api.Execution:
        ended = self.ended
        shown = api.Execution(
            id=self.id,
            workflow=self.request.workflow,
            version=1,
            status=ended.status if ended else journal.EXECUTION_STATUS_RUNNING,
            params=Payload(json=self.request.params_json or b"{}"),
            last_seq=self.last_seq,
            nodes=[
                api.NodeState(id=name, uses="js@1", status=journal.NODE_STATUS_PENDING)
                for name in NODES
            ],
            nodes_total=len(NODES),
            tags=self.request.tags,
        )
        shown.started_at.FromMicroseconds(START_US)
        if ended and ended.HasField("output"):
            shown.output.CopyFrom(ended.output)
        if ended and ended.HasField("failure"):
            shown.failure.CopyFrom(ended.failure)
            shown.failed_node = NODES[0]
        return shown

    def answer(self, *, existing: bool = False) -> api.StartExecutionResponse:
        shown = self.picture()
        answer = api.StartExecutionResponse(
            execution_id=self.id, status=shown.status, existing=existing, version=1
        )
        if shown.HasField("output"):
            answer.output.CopyFrom(shown.output)
        if shown.HasField("failure"):
            answer.failure.CopyFrom(shown.failure)
        return answer


class FakeCluster(WorkflowServiceServicer, QueryServiceServicer, PayloadServiceServicer):
    """Everything behind the gateway."""

    def __init__(self) -> None:
        self.ids = IdSource()
        self.finding = FakeFinding(self)
        self.workflows: dict[str, list[api.Workflow]] = {}
        self.executions: dict[str, FakeExecution] = {}
        self.payloads: dict[str, bytes] = {}
        self.batch_sizes: list[int] = []
        self.traces: list[str] = []
        self.signals: list[api.SignalExecutionRequest] = []
        self.reads = 0
        self.details: list[int] = []
        self.follows = 0
        self.fault: PenstockError | None = None
        self.redirect = ""
        for name in ("echo", "slow", "broken"):
            self.store(f"flow: 1\nid: {name}\n", name)

    def store(self, source: str, name: str) -> tuple[api.Workflow, bool]:
        digest = hashlib.sha256(source.encode()).hexdigest()
        versions = self.workflows.setdefault(name, [])
        for version in versions:
            if version.definition_hash == digest:
                return version, False
        stored = api.Workflow(
            name=name,
            version=len(versions) + 1,
            definition_hash=digest,
            source=source,
            nodes=NODES,
            params_schema_json=b'{"type":"object"}',
        )
        stored.created_at.FromMicroseconds(START_US)
        versions.append(stored)
        return stored, True

    def put_payload(self, text: bytes) -> Payload:
        digest = hashlib.sha256(text).hexdigest()
        self.payloads[digest] = text
        return Payload(ref=PayloadRef(digest=digest, size_bytes=len(text)))

    def begin(self, request: api.StartExecutionRequest) -> tuple[FakeExecution, bool]:
        if request.workflow not in self.workflows:
            raise NotFound(f"There is no workflow {request.workflow!r}.", fix="Apply it first.")
        key = request.idempotency_key
        wanted = keyed_ulid(request.workflow, key) if key else self.ids.next()
        if request.options.execution_id:
            wanted = named_ulid(DEFAULT_TENANT, request.options.execution_id)
        if wanted in self.executions:
            return self.executions[wanted], True
        execution = self.executions[wanted] = FakeExecution(wanted, request)
        started = journal.ExecutionStarted(
            workflow=request.workflow,
            version=1,
            params=Payload(json=request.params_json or b"{}"),
        )
        execution.add(journal.Event(execution_started=started))
        if request.workflow == "broken":
            execution.end(status=journal.EXECUTION_STATUS_FAILED)
        elif request.workflow != "slow":
            execution.end(request.params_json or b"{}")
        return execution, False

    def find(self, execution_id: str) -> FakeExecution:
        if execution_id not in self.executions:
            raise NotFound(f"There is no execution {execution_id}.")
        return self.executions[execution_id]

    @contextmanager
    def faulty(self, fault: PenstockError) -> Iterator[None]:
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    # --- WorkflowService -------------------------------------------------------------------

    async def ValidateWorkflow(self, request: Any, context: Any) -> api.ValidateWorkflowResponse:
        if "nodes" in request.source:
            return api.ValidateWorkflowResponse(valid=True)
        issue = api.Issue(
            code="MISSING", severity="error", line=1, column=1, path="nodes", message="no nodes"
        )
        return api.ValidateWorkflowResponse(valid=False, issues=[issue])

    async def ApplyWorkflow(self, request: Any, context: Any) -> api.ApplyWorkflowResponse:
        if "id:" not in request.source and '"id"' not in request.source:
            issue = {
                "code": "MISSING_KEY",
                "severity": "error",
                "line": 2,
                "column": 3,
                "path": "id",
                "message": "`id` is missing",
                "fix": "Give the workflow a name.",
            }
            raise InvalidWorkflow(issues=[issue])
        name = request.source.partition("id")[2].strip('": \n').split()[0].strip('",}')
        stored, created = self.store(request.source, name)
        return api.ApplyWorkflowResponse(workflow=stored, created=created)

    async def StartExecutions(
        self, requests: AsyncIterator[api.StartExecutionsRequest], context: Any
    ) -> AsyncGenerator[api.StartExecutionsResponse, None]:
        outbox: Outbox[api.CorrelatedAnswer] = Outbox()
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read_starts(requests, outbox, tasks))
            try:
                async for answers in outbox.batches():
                    yield api.StartExecutionsResponse(answers=answers)
            finally:
                reading.cancel()

    async def _read_starts(
        self, requests: Any, outbox: Outbox[api.CorrelatedAnswer], tasks: asyncio.TaskGroup
    ) -> None:
        async for batch in requests:
            self.batch_sizes.append(len(batch.starts))
            for start in batch.starts:
                self.traces.append(start.traceparent)
                self._start(start, outbox, tasks)
        outbox.close()

    def _start(
        self,
        start: api.CorrelatedStart,
        outbox: Outbox[api.CorrelatedAnswer],
        tasks: asyncio.TaskGroup,
    ) -> None:
        number = start.correlation_id
        try:
            if self.fault is not None:
                raise self.fault
            execution, existing = self.begin(start.start)
        except PenstockError as error:
            metadata = {"facts": msgspec.json.encode(to_facts(error)).decode()}
            refused = api.StartRefused(
                reason=error.reason,
                message=error.message,
                grpc_code=error.grpc_code.value[0],
                metadata=metadata,
            )
            outbox.put(api.CorrelatedAnswer(correlation_id=number, refused=refused))
            return
        answer = execution.answer(existing=existing)
        outbox.put(api.CorrelatedAnswer(correlation_id=number, response=answer))
        if start.start.wait_for == api.WAIT_FOR_ENDED and execution.ended is None:
            tasks.create_task(self._tell_end(execution, number, outbox))

    async def _tell_end(
        self, execution: FakeExecution, number: int, outbox: Outbox[api.CorrelatedAnswer]
    ) -> None:
        while execution.ended is None:
            await execution.news.wait()
        outbox.put(api.CorrelatedAnswer(correlation_id=number, response=execution.answer()))

    async def CancelExecution(self, request: Any, context: Any) -> api.CancelExecutionResponse:
        if self.fault is not None:
            raise self.fault
        execution = self.find(request.execution_id)
        if execution.ended is None:
            asked = journal.CancelRequested(reason=request.reason)
            execution.add(journal.Event(cancel_requested=asked))
            execution.end(status=journal.EXECUTION_STATUS_CANCELLED)
        assert execution.ended is not None
        return api.CancelExecutionResponse(status=execution.ended.status)

    async def SignalExecution(self, request: Any, context: Any) -> api.SignalExecutionResponse:
        self.find(request.execution_id)
        self.signals.append(request)
        return api.SignalExecutionResponse()

    # --- QueryService ----------------------------------------------------------------------

    async def GetExecution(self, request: Any, context: Any) -> api.GetExecutionResponse:
        assert call_tenant(context) == "default"
        self.reads += 1
        self.details.append(request.detail)
        picture = self.find(request.execution_id).picture()
        if request.node:
            chosen = [node for node in picture.nodes if node.id == request.node]
            del picture.nodes[:]
            picture.nodes.extend(chosen)
        return api.GetExecutionResponse(execution=picture)

    async def ReadEvents(self, request: Any, context: Any) -> state.ReadEventsResponse:
        rows = [
            batch
            for batch in self.find(request.execution_id).batches
            if batch.first_seq + len(batch.events) > request.after_seq + 1
        ]
        size = request.events_max or 3
        return state.ReadEventsResponse(batches=rows[:size], more=len(rows) > size)

    async def GetWorkflow(self, request: Any, context: Any) -> api.GetWorkflowResponse:
        versions = self.workflows.get(request.name)
        if not versions or request.version > len(versions):
            raise NotFound(f"There is no workflow {request.name!r}.", fix="Apply it first.")
        return api.GetWorkflowResponse(workflow=versions[(request.version or len(versions)) - 1])

    async def ListWorkflows(self, request: Any, context: Any) -> api.ListWorkflowsResponse:
        begin = int(request.page_token or 0)
        latest = [self.workflows[name][-1] for name in sorted(self.workflows)]
        end = begin + request.page_size
        token = str(end) if end < len(latest) else ""
        return api.ListWorkflowsResponse(workflows=latest[begin:end], next_page_token=token)

    async def ListWorkflowVersions(
        self, request: Any, context: Any
    ) -> api.ListWorkflowVersionsResponse:
        versions = self.workflows.get(request.name)
        if not versions:
            raise NotFound(f"There is no workflow {request.name!r}.")
        return api.ListWorkflowVersionsResponse(versions=versions[::-1])

    async def GetPayload(self, request: Any, context: Any) -> state.GetPayloadResponse:
        if request.digest not in self.payloads:
            raise NotFound("There is no such payload.")
        return state.GetPayloadResponse(json=self.payloads[request.digest])

    # --- the event bus ---------------------------------------------------------------------

    async def follow(
        self, execution_id: str, tenant: str, after_seq: int
    ) -> AsyncGenerator[journal.EventBatch, None]:
        """Stands in for bus and journal together."""
        self.follows += 1
        execution = self.find(execution_id)
        place = 0
        while True:
            news = execution.news
            for batch in execution.batches[place:]:
                place += 1
                if batch.first_seq + len(batch.events) > after_seq + 1:
                    yield batch
                if is_last(batch):
                    return
            if place == len(execution.batches):
                await news.wait()


@asynccontextmanager
async def open_fake(
    cluster: FakeCluster, listen: str = "127.0.0.1:0"
) -> AsyncIterator[RunningServer]:
    """Serve the cluster's coordinator and state on one port."""

    def register(server: grpc.aio.Server) -> None:
        add_WorkflowServiceServicer_to_server(cluster, server)
        add_QueryServiceServicer_to_server(cluster, server)
        add_PayloadServiceServicer_to_server(cluster, server)
        add_SearchServiceServicer_to_server(cluster.finding, server)
        add_DeadLetterServiceServicer_to_server(cluster.finding, server)

    async with open_server(listen, register, services=[]) as running:
        yield running
