"""What a node costs the coordinator, without the network: starts, turns, records and tasks of
ten-node chains against a journal that answers at once.

`PYTHONPATH=tests python -m bench.coordinator.hot_path` prints CPU microseconds per node with
segments and with every node on its own; `--profile` adds where they go. Messages are serialised and
parsed as gRPC would, by both sides; what the make-believe worker does is taken out.
"""

import argparse
import asyncio
import cProfile
import dataclasses
import gc
import pstats
import time
from collections import deque
from collections.abc import Callable

import uvloop

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.state.v1.state_service_pb2 import AppendRequest, AppendResponse
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.clock import SystemClock
from penstock.common.errors import PenstockError
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.settings import Settings
from penstock.coordinator.shell.coordinator import Coordinator, open_coordinator
from penstock.coordinator.shell.starts.starts import Call
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from support.coordinator.memory_state import MemoryState

NODES = 10
IN_FLIGHT = 1000
OUTPUT = b'{"value":12345,"text":"hello world"}'


def source() -> str:
    lines = ["flow: 1", "id: chain", "nodes:", "  n0: {run: 'return 1'}"]
    lines += [f"  n{at}: {{needs: [n{at - 1}], run: 'return 1'}}" for at in range(1, NODES)]
    return "\n".join(lines) + "\n"


class InstantJournal:
    """Answers every append at once; what it would send is serialised."""

    connected = True

    def __init__(self) -> None:
        self._requests: deque[AppendRequest] = deque()
        self._filled = asyncio.Event()

    def send(self, request: AppendRequest) -> None:
        self._requests.append(request)
        self._filled.set()

    async def run(self, on_answer: Callable[[AppendResponse], None]) -> None:
        while True:
            await self._filled.wait()
            while self._requests:
                request = self._requests.popleft()
                request.SerializeToString()
                await asyncio.sleep(0)
                on_answer(AppendResponse(batch_id=request.batch_id))
            self._filled.clear()


class Listener:
    """Counts executions that ended."""

    def __init__(self) -> None:
        self.ended = 0

    def on_answer(self, answer: pb.StartExecutionResponse) -> None:
        self.ended += answer.status != 1
        answer.SerializeToString()

    def on_refused(self, error: PenstockError) -> None:
        raise error


class FastWorker:
    """Completes whatever it gets; `spent_s` is what that took, to be taken out."""

    def __init__(self, coordinator: Coordinator, *, whole_chains: bool) -> None:
        self.spent_s = 0.0
        self._whole = whole_chains
        self._reports = 0
        self._rpc = DispatchRpc(coordinator, None, lambda: 0.5)  # type: ignore[arg-type]
        hello = dispatch.Hello(worker_id="w1", node_types=list(catalog()), credits=2000)
        self._worker, self._stream = coordinator.floor.arrive(hello, {})
        self._workers = coordinator.workers

    async def run(self) -> None:
        async for message in self._stream.messages():
            sent = message.SerializeToString()
            begun = time.process_time()
            said = self._answer(dispatch.WorkResponse.FromString(sent))
            self.spent_s += time.process_time() - begun
            self._rpc._take_in(dispatch.WorkRequest.FromString(said), self._worker)

    def _answer(self, message: dispatch.WorkResponse) -> bytes:
        request = dispatch.WorkRequest()
        for group in message.tasks:
            for node in group.first_attempts:
                self._reports += 1
                nodes = range(node, NODES if self._whole else node + 1)
                report = request.reports.add(
                    report_id=self._reports, execution_id=group.execution_id
                )
                row = report.completed
                row.nodes.extend(nodes)
                row.outputs_json.extend([OUTPUT] * len(nodes))
                row.durations_us.extend([7] * len(nodes))
                row.started_unix_us = 1_700_000_000_000_000
                row.attempt = 1
        return request.SerializeToString()


async def measure(executions: int, *, segments: bool, profile: bool) -> None:
    ports = dataclasses.replace(MemoryState(64).ports(), journal=InstantJournal())
    async with open_coordinator(
        Settings(segments=segments), ports, catalog(), SystemClock()
    ) as coordinator:
        coordinator.join("127.0.0.1:1")
        await coordinator.shards.settled.wait()
        plan = compile_source(source(), catalog())
        workflow = pb.Workflow(name="chain", source=source(), definition_hash=plan.definition_hash)
        await ports.queries.put_workflow("default", workflow)
        await coordinator.definitions.get("default", "chain", 0)
        worker = FastWorker(coordinator, whole_chains=segments)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(worker.run())
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            await drive(coordinator, worker, executions, profile=profile)
            working.cancel()


async def drive(
    coordinator: Coordinator, worker: FastWorker, executions: int, *, profile: bool
) -> None:
    listener = Listener()
    asked = pb.StartExecutionRequest(workflow="chain", wait_for=pb.WAIT_FOR_ENDED)
    wire = asked.SerializeToString()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    begun, started = time.process_time(), 0
    while listener.ended < executions:
        while started < executions and started - listener.ended < IN_FLIGHT:
            request = pb.StartExecutionRequest.FromString(wire)
            coordinator.starts.start(Call("default", request, "", listener))
            started += 1
        await asyncio.sleep(0)
    spent_s = time.process_time() - begun - worker.spent_s
    profiler.disable()
    print(f"{spent_s / executions / NODES * 1e6:6.2f} us per node")
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=5_000)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    for segments in (True, False):
        print("segments:  " if segments else "dispatched:", end=" ", flush=True)
        uvloop.run(measure(given.executions, segments=segments, profile=given.profile))


if __name__ == "__main__":
    main()
