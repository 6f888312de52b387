"""CPU time per task of the worker's hot path: JavaScript tasks in batches of 500.

Everything the worker does is counted (reading the batch, calls out, results in, reports out,
answers in, all with protobuf encoding and decoding); sockets and the other services are not.
Run it: `python tests/bench/worker/hot_path.py`.
"""

import asyncio
import itertools
import statistics
import time
from contextlib import AsyncExitStack
from typing import NamedTuple

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.common.clock import SystemClock
from penstock.common.rpc.streams import Outbox
from penstock.common.service import calm_garbage_collector
from penstock.nodes import catalog
from penstock.nodes.api import Environment
from penstock.worker.attempts import Attempts
from penstock.worker.intake import TaskIntake
from penstock.worker.leases import Session
from penstock.worker.links import Link, Links
from penstock.worker.parts import Parts
from penstock.worker.payloads import Payloads
from penstock.worker.plans import Plans
from penstock.worker.program import PlanProgram
from penstock.worker.quick import QuickStart
from penstock.worker.resources import SharedResources
from penstock.worker.room import Room
from penstock.worker.sandbox import SandboxClient
from penstock.worker.scripts import ScriptGroups
from penstock.worker.segments import Segments
from penstock.workflow.compile import compile_source

BATCH = 500
ROUNDS = 40
HASH = "0" * 64


class Figures(NamedTuple):
    """Microseconds of CPU per task: the least disturbed batch, and the median one."""

    best: float
    median: float


def flow(nodes: int) -> str:
    lines = ["flow: 1", "id: bench", "params: {n: {type: number}}", "nodes:"]
    for place in range(nodes):
        needs = f"needs: [n{place - 1}], " if place else ""
        code = "return {value: params.n}" if not place else "return {value: payload.value + 1}"
        lines.append(f'  n{place}: {{{needs}run: "{code}"}}')
    return "\n".join(lines)


def tasks_message(first: int, *, may_continue: bool) -> bytes:
    message = pb.WorkResponse()
    for place in range(BATCH):
        group = message.tasks.add(
            execution_id=f"01J{first + place:023d}", definition_hash=HASH, tenant="default",
            may_continue=may_continue, started_unix_us=1,
        )  # fmt: skip
        if may_continue:
            group.params.json = b'{"n":1}'
            group.first_attempts.append(0)
        else:  # a node in the middle, with its parent's output
            group.first_attempts.append(3)
            group.completed.append(2)
            group.completed_json.append(b'{"value":12}')
    return message.SerializeToString()


def results_message(first_call: int, steps: int) -> bytes:
    message = sandbox_pb.RunResponse()
    message.batches.add(
        call_ids=range(first_call, first_call + BATCH),
        outputs_json=[b'{"value":1}'] * (BATCH * steps),
        durations_us=[0] * (BATCH * steps),
    )
    return message.SerializeToString()


def answers_message(first_report: int) -> bytes:
    ids = range(first_report, first_report + BATCH)
    return pb.WorkResponse(committed=ids).SerializeToString()


async def measure(nodes: int, *, may_continue: bool) -> Figures:
    types = catalog()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        environment = Environment()
        parts = Parts(
            SystemClock(), SandboxClient(None), Payloads(None, 1 << 20),
            SharedResources(environment, stack), environment, b"{}", 1 << 25,
        )  # fmt: skip
        plans = Plans(None, types, "default", compile_source)
        plans._programs[HASH] = PlanProgram(compile_source(flow(nodes), types), types, "default")
        groups = ScriptGroups(parts.output_bytes_max, b"{}")
        segments = Segments(parts, groups, Attempts(parts, groups), group)
        quick = QuickStart(parts, groups, segments)
        intake = TaskIntake(parts, plans, quick, segments, group, Room({}))
        links = Links([], pb.Hello(), intake, lambda _: None, parts.clock)
        link = Link(links, "bench")
        link.session = Session(itertools.count(1))
        links.sessions["bench"] = link.session
        outbox = Outbox()
        link.session.bind(outbox)
        requests = link._requests(outbox)
        await anext(requests)
        calls = parts.sandbox._stream.requests()
        steps = nodes if may_continue else 1
        spent: list[float] = []
        for turn in range(ROUNDS):
            first = 1 + turn * BATCH
            tasks = tasks_message(first, may_continue=may_continue)
            results, answers = results_message(first, steps), answers_message(first)
            began = time.process_time()
            link._on_response(pb.WorkResponse.FromString(tasks))
            (await anext(calls)).SerializeToString()
            parts.sandbox._on_response(sandbox_pb.RunResponse.FromString(results))
            (await anext(requests)).SerializeToString()
            link._on_response(pb.WorkResponse.FromString(answers))
            if turn >= ROUNDS // 4:
                spent.append((time.process_time() - began) / BATCH * 1e6)
            assert links.is_idle()
        return Figures(min(spent), statistics.median(spent))


async def main() -> None:
    calm_garbage_collector()
    one = await measure(10, may_continue=False)
    print(f"one-node tasks: {one.best:.1f} us of CPU per task at best, {one.median:.1f} median")
    chain = await measure(10, may_continue=True)
    best, median = chain.best / 10, chain.median / 10
    print(f"ten-node chains: {best:.1f} us per node at best, {median:.1f} median")


if __name__ == "__main__":
    asyncio.run(main())
