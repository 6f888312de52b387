"""Executions that sleep, for tests: flows, a clock that can be turned, a worker that knows them."""

import asyncio
from collections.abc import Callable

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.clock import SystemClock
from penstock.common.rpc.channel import call
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.starts.one_start import start_one
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from support.coordinator.memory_state import MemoryState
from support.coordinator.memory_worker import completed

HOUR_US = 3_600_000_000

SLEEPY = """
flow: 1
id: sleepy
params: {us: {type: integer, default: 0}, signal: {type: string, default: ""}}
nodes:
  nap: {run: "return 1"}
  work: {run: "return 2", needs: nap}
"""


class TurnedClock(SystemClock):
    """The machine's clock, with the wall clock set apart from it."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


def sleeper(duration_us: int, signal: str = "") -> Callable:
    """A worker's decisions: node `nap` waits so long, or for a signal; `work` is done at once."""

    def decide(group: dispatch.ExecutionTasks, task: dispatch.Task) -> dispatch.NodeOutcome:
        if task.ref.node != 0:
            return completed(task.ref)
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        outcome.waiting.duration_us = duration_us
        outcome.waiting.signal = signal
        outcome.waiting.output.json = b'"awake"'
        return outcome

    return decide


async def apply_sleepy(running) -> None:
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=SLEEPY))


async def start(running, **more) -> pb.StartExecutionResponse:
    return await call(
        running.stub.StartExecution, pb.StartExecutionRequest(workflow="sleepy", **more)
    )


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def apply_in_memory(state: MemoryState) -> None:
    """As `apply_sleepy`, without a service."""
    plan = compile_source(SLEEPY, catalog())
    workflow = pb.Workflow(name=plan.name, definition_hash=plan.definition_hash, source=SLEEPY)
    await state.ports().queries.put_workflow("default", workflow)


async def start_in_memory(shell: Coordinator) -> str:
    """As `start`, without a service; returns the id."""
    request = pb.StartExecutionRequest(workflow="sleepy")
    return (await start_one(shell.starts, "default", request)).execution_id


def wakes_on_time(state: MemoryState, execution_id: str) -> bool:
    """True if no wait ended before it was due."""
    due: dict[int, int] = {}
    for batch in state.histories[execution_id]:
        for event in batch.events:
            if event.HasField("node_waiting") and event.node_waiting.until_unix_us:
                due[event.node_waiting.ref.node] = event.node_waiting.until_unix_us
            due_us = due.get(event.node_completed.ref.node, 0)
            if event.HasField("node_completed") and batch.at_unix_us < due_us:
                return False
    return True
