"""The services around a worker, played by the test: coordinator, state and sandbox on one server.

The worker itself is the real one, over real gRPC streams.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.dispatch.v1 import dispatch_service_pb2_grpc as pb_grpc
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as sandbox_grpc
from penstock.api.state.v1 import state_service_pb2 as state_pb
from penstock.api.state.v1 import state_service_pb2_grpc as state_grpc
from penstock.common.errors import NotFound, Unavailable
from penstock.common.rpc.server import open_server
from penstock.nodes import catalog
from penstock.sandbox.batches import calls_of
from penstock.worker.service import run_worker
from penstock.worker.settings import Settings
from penstock.workflow.compile import compile_source
from penstock.workflow.plan import Plan

TRIES = 400
Script = Callable[[sandbox_pb.Call, sandbox_pb.Step, dict[str, Any]], Any]


class FakeState(state_grpc.QueryServiceServicer, state_grpc.PayloadServiceServicer):
    """Definitions and payloads in memory."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.payloads: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.away = False

    async def GetDefinition(self, request, context):
        self.fetched.append(request.definition_hash)
        if self.away:
            raise Unavailable("state is away")
        if request.definition_hash not in self.definitions:
            raise NotFound("no such definition")
        return state_pb.GetDefinitionResponse(source=self.definitions[request.definition_hash])

    async def GetPayload(self, request, context):
        self.fetched.append(request.digest)
        return state_pb.GetPayloadResponse(json=self.payloads[request.digest])

    async def PutPayload(self, request, context):
        return state_pb.PutPayloadResponse(ref=self.store(request.json).ref)

    def store(self, value: bytes) -> payload_pb.Payload:
        digest = hashlib.sha256(value).hexdigest()
        self.payloads[digest] = value
        return payload_pb.Payload(ref=payload_pb.PayloadRef(digest=digest, size_bytes=len(value)))


class FakeSandbox(sandbox_grpc.SandboxServiceServicer):
    """Runs scripts that the test wrote in Python: by the JavaScript source they stand for."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.calls: list[sandbox_pb.Call] = []
        self.streams = 0
        self.sent_scripts: list[str] = []
        self.cancelled: list[int] = []
        self.host_results: asyncio.Queue[sandbox_pb.HostResult] = asyncio.Queue()
        self.hold = False
        self.break_now = asyncio.Event()
        self.out: asyncio.Queue[sandbox_pb.RunResponse] = asyncio.Queue()
        self._known: dict[str, str] = {}
        self._programs: dict[int, sandbox_pb.Program] = {}

    async def Run(self, request_iterator, context):
        self.streams += 1
        self.out = out = asyncio.Queue()
        reading = asyncio.ensure_future(self._read(request_iterator, out))
        broken = asyncio.ensure_future(self.break_now.wait())
        try:
            while True:
                taking = asyncio.ensure_future(out.get())
                await asyncio.wait([taking, broken], return_when=asyncio.FIRST_COMPLETED)
                if broken.done():
                    taking.cancel()
                    self.break_now.clear()
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the sandbox broke")
                yield taking.result()
        finally:
            reading.cancel()
            broken.cancel()

    async def _read(self, requests, out) -> None:
        async for request in requests:
            for script in request.scripts:
                self.sent_scripts.append(script.source)
                self._known[script.script_id] = script.source
            self.cancelled += request.cancelled_calls
            for result in request.host_results:
                self.host_results.put_nowait(result)
            for program in request.programs:
                self._programs[program.program_id] = program
            for call in request.calls:
                self.calls.append(call)
                if not self.hold:
                    out.put_nowait(sandbox_pb.RunResponse(results=[self.run(call)]))
            for batch in request.batches:
                for call in calls_of(self._programs[batch.program_id], batch):
                    self.calls.append(call)
                    if not self.hold:
                        out.put_nowait(in_columns(self.run(call)))

    def run(self, call: sandbox_pb.Call) -> sandbox_pb.CallResult:
        """The result of a call by the test's own scripts."""
        seen = {value.node_id: value for value in call.values}
        outputs = {
            name: msgspec.json.decode(value.output_json)
            for name, value in seen.items()
            if value.output_json
        }
        result = sandbox_pb.CallResult(call_id=call.call_id)
        for step in call.steps:
            answer = self.scripts[self._known[step.script_id]](call, step, outputs)
            if isinstance(answer, sandbox_pb.CallResult):
                result.jail_failure.CopyFrom(answer.jail_failure)
                break
            if isinstance(answer, sandbox_pb.StepResult):
                result.steps.append(answer)
                if answer.HasField("failure"):
                    break
                outputs[step.node_id] = msgspec.json.decode(answer.output_json)
            else:
                result.steps.add(output_json=msgspec.json.encode(answer), duration_us=5)
                outputs[step.node_id] = answer
        return result


def in_columns(result: sandbox_pb.CallResult) -> sandbox_pb.RunResponse:
    """The result of a call of a batch as the sandbox tells it."""
    steps = result.steps
    plain = all(one.HasField("output_json") and not one.routed and not one.logs for one in steps)
    if result.HasField("jail_failure") or not plain:
        return sandbox_pb.RunResponse(results=[result])
    batch = sandbox_pb.ResultBatch(
        call_ids=[result.call_id],
        outputs_json=[one.output_json for one in steps],
        durations_us=[one.duration_us for one in steps],
    )
    return sandbox_pb.RunResponse(batches=[batch])


def jail_died(reason: str = "SANDBOX_TIMEOUT") -> sandbox_pb.CallResult:
    """A script's answer: the jail was killed."""
    result = sandbox_pb.CallResult()
    result.jail_failure.reason = reason
    result.jail_failure.error_class = payload_pb.ERROR_CLASS_USER
    return result


def thrown(message: str) -> sandbox_pb.StepResult:
    """A script's answer: it threw."""
    result = sandbox_pb.StepResult()
    result.failure.reason = "SCRIPT_ERROR"
    result.failure.error_class = payload_pb.ERROR_CLASS_USER
    result.failure.message = message
    return result


class FakeCoordinator(pb_grpc.DispatchServiceServicer):
    """Hands out what the test says and keeps what the worker answers."""

    def __init__(self, name: str = "C1") -> None:
        self.name = name
        self.hellos: list[pb.Hello] = []
        self.reports: asyncio.Queue[pb.SegmentReport] = asyncio.Queue()
        self.started: asyncio.Queue[pb.AttemptStarted] = asyncio.Queue()
        self.heartbeats = asyncio.Event()
        self.draining = asyncio.Event()
        self.joined = asyncio.Event()
        self.commits = True
        self.elsewhere: list[dict[str, float]] = []
        self.sent_us = 0
        self.largest = 0
        self.break_now = asyncio.Event()
        self.out: asyncio.Queue[pb.WorkResponse] = asyncio.Queue()

    async def Work(self, request_iterator, context):
        self.out = out = asyncio.Queue()
        reading = asyncio.ensure_future(self._read(request_iterator, out))
        broken = asyncio.ensure_future(self.break_now.wait())
        yield pb.WorkResponse(welcome=pb.Welcome(coordinator_id=self.name, heartbeat_ms=100))
        try:
            while True:
                taking = asyncio.ensure_future(out.get())
                await asyncio.wait([taking, broken, reading], return_when=asyncio.FIRST_COMPLETED)
                if broken.done():
                    taking.cancel()
                    self.break_now.clear()
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the coordinator broke")
                if not taking.done():
                    taking.cancel()
                    return
                yield taking.result()
        finally:
            reading.cancel()
            broken.cancel()

    async def _read(self, requests, out) -> None:
        async for request in requests:
            self.largest = max(self.largest, request.ByteSize())
            if request.HasField("hello"):
                self.hellos.append(request.hello)
                self.joined.set()
            self.elsewhere.append(dict(request.elsewhere_resources))
            self.sent_us = request.sent_us
            for report in request.reports:
                self.reports.put_nowait(taken_apart(report))
                if self.commits:
                    out.put_nowait(pb.WorkResponse(committed=[report.report_id]))
            for started in request.started:
                self.started.put_nowait(started)
            if request.heartbeat:
                self.heartbeats.set()
            if request.draining:
                self.draining.set()

    def send(self, **fields: Any) -> None:
        """Tell the worker something."""
        self.out.put_nowait(pb.WorkResponse(**fields))

    def answer(self, report: pb.SegmentReport, *, committed: bool) -> None:
        """Say what became of a report."""
        ids = [report.report_id]
        self.send(committed=ids) if committed else self.send(refused=ids)


class World:
    """A worker and everything around it."""

    def __init__(self, address: str, state: FakeState, sandbox: FakeSandbox, coordinator) -> None:
        self.address = address
        self.state = state
        self.sandbox = sandbox
        self.coordinator: FakeCoordinator = coordinator
        self.types = catalog()
        self.stop = asyncio.Event()

    def flow(self, source: str) -> Plan:
        """Make a definition known to state; the plan it has."""
        plan = compile_source(f"flow: 1\nid: test\n{source}", self.types)
        self.state.definitions[plan.definition_hash] = f"flow: 1\nid: test\n{source}"
        return plan

    def group(self, plan: Plan, node: str, *, execution: str = "E1", **fields) -> pb.ExecutionTasks:
        """Tasks of one execution with one attempt of `node`; `inputs` are outputs by id.

        With `short` everything that can be is in the short form.
        """
        attempt, item = fields.pop("attempt", 1), fields.pop("item", 0)
        inputs = fields.pop("inputs", {})
        task = fields.pop("task", {})
        short = fields.pop("short", False)
        group = pb.ExecutionTasks(
            execution_id=execution,
            definition_hash=plan.definition_hash,
            tenant="default",
            params=payload_pb.Payload(json=msgspec.json.encode(fields.pop("params", {}))),
            started_unix_us=1_700_000_000_000_000,
            may_continue=fields.pop("may_continue", True),
            **fields,
        )
        for name, output in inputs.items():
            if short and not isinstance(output, payload_pb.Payload):
                group.completed.append(plan.index_of(name))
                group.completed_json.append(msgspec.json.encode(output))
                continue
            value = group.inputs.add(
                node=plan.index_of(name), status=journal_pb.NODE_STATUS_COMPLETED
            )
            if isinstance(output, payload_pb.Payload):
                value.output.CopyFrom(output)
            else:
                value.output.json = msgspec.json.encode(output)
        index = plan.index_of(node)
        if short and attempt == 1 and not item and not task:
            group.first_attempts.append(index)
            return group
        group.tasks.add(ref=journal_pb.NodeRef(node=index, item=item, attempt=attempt), **task)
        return group

    def dispatch(self, *args: Any, **fields: Any) -> None:
        """Hand out one attempt."""
        self.coordinator.send(tasks=[self.group(*args, **fields)])

    async def report(self) -> pb.SegmentReport:
        """The next report."""
        async with asyncio.timeout(20):
            return await self.coordinator.reports.get()

    async def outcome(self) -> pb.NodeOutcome:
        """The only outcome of the next report."""
        report = await self.report()
        assert len(report.outcomes) == 1, report
        return report.outcomes[0]

    async def output(self) -> Any:
        """The output in the only outcome of the next report."""
        outcome = await self.outcome()
        assert outcome.HasField("completed"), outcome
        return msgspec.json.decode(outcome.completed.output.json)


@asynccontextmanager
async def open_world(*, sandbox_address: str = "", **settings: Any) -> AsyncIterator[World]:
    """A worker that has joined its coordinator."""
    state, sandbox, coordinator = FakeState(), FakeSandbox(), FakeCoordinator()

    def register(server: grpc.aio.Server) -> None:
        state_grpc.add_QueryServiceServicer_to_server(state, server)
        state_grpc.add_PayloadServiceServicer_to_server(state, server)
        sandbox_grpc.add_SandboxServiceServicer_to_server(sandbox, server)
        pb_grpc.add_DispatchServiceServicer_to_server(coordinator, server)

    async with open_server("127.0.0.1:0", register, services=[]) as server:
        world = World(server.address, state, sandbox, coordinator)
        chosen = Settings(
            coordinators=server.address,
            state_address=server.address,
            sandbox_address=sandbox_address or server.address,
            **settings,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_worker(chosen, world.stop))
            async with asyncio.timeout(20):
                await coordinator.joined.wait()
            try:
                yield world
            finally:
                world.stop.set()


def taken_apart(report: pb.SegmentReport) -> pb.SegmentReport:
    """A report with its row of good outcomes as outcomes like any others."""
    if not report.HasField("completed"):
        return report
    row = report.completed
    assert len(row.nodes) == len(row.outputs_json) == len(row.durations_us) > 0, row
    whole = pb.SegmentReport()
    whole.CopyFrom(report)
    whole.ClearField("completed")
    del whole.outcomes[:]
    at_us = row.started_unix_us
    for place, node in enumerate(row.nodes):
        outcome = whole.outcomes.add(started_unix_us=at_us)
        outcome.ref.node, outcome.ref.attempt = node, 1 if place else row.attempt
        at_us += row.durations_us[place]
        outcome.finished_unix_us = at_us
        outcome.completed.output.json = row.outputs_json[place]
    if not report.HasField("lease"):
        whole.lease.CopyFrom(whole.outcomes[0].ref)
    whole.outcomes.extend(report.outcomes)
    return whole


def ids(plan: Plan, report: pb.SegmentReport) -> list[str]:
    """Which nodes a report is about, in order."""
    return [plan.nodes[outcome.ref.node].id for outcome in report.outcomes]
