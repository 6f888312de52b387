"""The worker put together: adapters, runners, links; its life until it is told to stop."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as sandbox_grpc
from penstock.api.state.v1 import state_service_pb2_grpc as state_grpc
from penstock.common.clock import SystemClock
from penstock.common.ids import IdSource
from penstock.common.logging import get_logger
from penstock.common.metrics import open_metrics
from penstock.common.rpc.channel import open_channel
from penstock.nodes import catalog
from penstock.nodes.api import Environment
from penstock.worker.attempts import Attempts
from penstock.worker.capacity import labels_of, machine_resources, resources_of
from penstock.worker.intake import TaskIntake
from penstock.worker.links import Links
from penstock.worker.metrics import registry_of
from penstock.worker.parts import Parts
from penstock.worker.payloads import Payloads
from penstock.worker.plans import Plans
from penstock.worker.quick import QuickStart
from penstock.worker.resources import SharedResources
from penstock.worker.room import Room
from penstock.worker.sandbox import SandboxClient
from penstock.worker.scripts import ScriptGroups
from penstock.worker.segments import Segments
from penstock.worker.settings import Settings
from penstock.workflow.compile import compile_source
from penstock.workflow.node_type import NodeType

_MIB = 1024 * 1024
_LAST_ANSWERS_S = 2.0
_FLOW_VARIABLE = "PENSTOCK_ENV_"

log = get_logger("worker")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def environment_of(settings: Settings) -> Environment:
    """What node types are allowed."""
    return Environment(
        egress=_listed(settings.egress),
        data_roots=_listed(settings.data_roots),
        response_bytes_max=settings.response_mb_max * _MIB,
        rows_max=settings.rows_max,
        connections_max=settings.database_connections_max,
    )


def flow_variables(environ: Mapping[str, str]) -> bytes:
    """The `env` object: variables of this process that begin with PENSTOCK_ENV_, without that."""
    found = {
        name.removeprefix(_FLOW_VARIABLE): value
        for name, value in environ.items()
        if name.startswith(_FLOW_VARIABLE)
    }
    return msgspec.json.encode(found)


def hello_of(settings: Settings, types: Mapping[str, NodeType]) -> pb.Hello:
    """How this process introduces itself."""
    return pb.Hello(
        worker_id=IdSource().next(),
        pool=settings.pool,
        labels=labels_of(settings.labels),
        resources=resources_of(settings.resources, machine_resources()),
        node_types=sorted(types),
        credits=settings.credits,
    )


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set; then finish what is at hand, or hand it back."""
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(open_channel(settings.state_address))
        sandbox = await stack.enter_async_context(open_channel(settings.sandbox_address))
        environment = environment_of(settings)
        parts = Parts(
            clock=SystemClock(),
            sandbox=SandboxClient(sandbox_grpc.SandboxServiceStub(sandbox)),
            payloads=Payloads(
                state_grpc.PayloadServiceStub(state), settings.payload_cache_mb * _MIB
            ),
            resources=SharedResources(environment, stack),
            environment=environment,
            env_json=flow_variables(os.environ),
            output_bytes_max=settings.output_mb_max * _MIB,
        )
        types = catalog()
        plans = Plans(state_grpc.QueryServiceStub(state), types, settings.pool, compile_source)
        async with asyncio.TaskGroup() as tasks:
            links = _build(parts, plans, tasks, settings, hello_of(settings, types))
            background = [
                tasks.create_task(parts.sandbox.run()),
                tasks.create_task(links.run()),
            ]
            with open_metrics(settings.metrics_listen, registry_of(links, parts.sandbox)):
                await stop.wait()
                await _drain(links, settings.drain_s)
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            links.hand_back("the worker is gone")  # what came after the rest was handed back


def _build(
    parts: Parts, plans: Plans, tasks: asyncio.TaskGroup, settings: Settings, hello: pb.Hello
) -> Links:
    groups = ScriptGroups(parts.output_bytes_max, parts.env_json)
    attempts = Attempts(parts, groups)
    segments = Segments(parts, groups, attempts, tasks)
    quick = QuickStart(parts, groups, segments)
    room = Room(hello.resources)
    intake = TaskIntake(parts, plans, quick, segments, tasks, room)
    seeds = _listed(settings.coordinators)
    return Links(seeds, hello, intake, open_channel, parts.clock, room)


async def _drain(links: Links, drain_s: float) -> None:
    """Take nothing new; wait for what runs; give back what does not end in time."""
    links.drain()
    if await _wait_idle(links, drain_s):
        return
    log.warning("work_handed_back", attempts=sum(len(s.leases) for s in links.sessions.values()))
    links.hand_back("the worker is shutting down")
    await _wait_idle(links, _LAST_ANSWERS_S)


async def _wait_idle(links: Links, limit_s: float) -> bool:
    deadline = asyncio.get_running_loop().time() + limit_s
    while not links.is_idle():
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(0.02)
    return True
