"""What the services take from outside themselves, replaced for the time of a run: network, clocks,
ids, chance, the database's driver, NATS, HTTP. All else is the shipped code, put together by its
own entry points.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any
from unittest.mock import patch

import grpc
import structlog

from penstock.common.clock import SystemClock
from penstock.common.errors import Unavailable
from penstock.common.ids import IdSource
from penstock.common.rpc.server import RunningServer
from penstock.coordinator.shell.coordinator import open_coordinator
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.nodes import catalog
from penstock.nodes.http.exchange import HttpClient
from penstock.state import service as state_service
from penstock.state.keeping.opening import Keeping
from penstock.worker.sandbox import SandboxClient
from penstock.workflow.compile import compile_source
from penstock.workflow.javascript import JavaScript
from simulate import limits
from support.simulated import bus, outside
from support.simulated.database import door
from support.simulated.fabric import CURRENT
from support.simulated.server import SimulatedServer
from support.simulated.wire import SimulatedChannel

TYPES = cache(catalog)
COMPILE = lru_cache(4_000)(lambda source: compile_source(source, TYPES()))


class _Ordered(dict[Any, None]):
    """A set that is gone through in the order of coming, not in that of addresses in memory."""

    def add(self, one: Any) -> None:
        self[one] = None

    def discard(self, one: Any) -> None:
        self.pop(one, None)


class OrderedTaskGroup(asyncio.TaskGroup):
    """A task group that cancels its tasks in the order of their making."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Any = _Ordered()


class Chance:
    """Stands in for `SystemRandom`."""

    def random(self) -> float:
        return CURRENT.get().fabric.rng.random()


@asynccontextmanager
async def open_server(
    listen: str, register: Callable[[Any], None], **_: Any
) -> AsyncIterator[RunningServer]:
    """Stands in for `penstock.common.rpc.server.open_server`, within the simulated network."""
    server = SimulatedServer(listen)
    register(server)
    health: Any = None
    try:
        yield RunningServer(listen, int(listen.rpartition(":")[2]), health)
    finally:
        await server.drain()


class Absent:
    """In place of a store that has no twin in memory: it cannot be reached."""

    def __init__(self, *_: object) -> None:
        """As an adapter is made."""

    def __getattr__(self, name: str) -> Any:
        async def unreachable(*_: Any, **__: Any) -> Any:
            raise Unavailable(f"{name} is not simulated")

        return unreachable


class NoHealth:
    """Stands in for the health service: nobody asks it here."""

    async def set_serving(self, *_: Any) -> None:
        return None


@asynccontextmanager
async def _shown_coordinator(*arguments: Any) -> AsyncIterator[Any]:
    """Opens a coordinator's shell and shows it to whoever checks it."""
    async with open_coordinator(*arguments) as shell:
        CURRENT.get().inside["shell"] = shell
        yield shell


@asynccontextmanager
async def _shown_app(_: str, doors: Any) -> AsyncIterator[str]:
    """In place of the HTTP server: clients come to the doors themselves."""
    CURRENT.get().inside["doors"] = doors
    yield "gateway"


@asynccontextmanager
async def _nothing_open(*_: Any) -> AsyncIterator[None]:
    yield None


async def _nothing(*_: Any) -> None:
    return None


def _now_s() -> float:
    return asyncio.get_running_loop().time()


OBJECTS = (
    (asyncio, "TaskGroup", OrderedTaskGroup),
    (grpc.aio, "insecure_channel", lambda target, **_: SimulatedChannel(target)),
    (SystemClock, "now_us", lambda _: CURRENT.get().now_us()),
    (SystemClock, "monotonic", lambda _: _now_s()),
    (IdSource, "next", lambda _: CURRENT.get().fabric.next_id()),
    (HttpClient, "exchange", outside.exchange),
    (SandboxClient, "submit", limits.submitting(SandboxClient.submit)),
    (ClusterLimits, "_deliver", limits.delivering(ClusterLimits._deliver)),
)

STATE = "penstock.state.service"
STORES = {
    "PostgresJournal": "journal",
    "PostgresJournalReader": "reader",
    "PostgresExecutions": "executions",
    "PostgresLeases": "leases",
    "PostgresWorkflows": "workflows",
    "PostgresNotices": "notices",
    "PostgresChildren": "children",
    "PostgresSchedules": "schedules",
    "PostgresSearch": "search",
    "PostgresTasks": "tasks",
    "PostgresDeadLetters": "letters",
    "PostgresOperations": "operations",
    "PostgresRetention": "retention",
}
"""Which of `support.state_stores.Stores` stands in for an adapter."""
COORDINATOR = "penstock.coordinator.service"
NAMES: tuple[tuple[str, Any], ...] = (
    (f"{STATE}.open_server", open_server),
    (f"{STATE}.open_metrics", lambda *_: nullcontext()),
    (f"{STATE}.open_database", _nothing_open),
    (f"{STATE}.migrate", _nothing),
    (f"{STATE}.prepare_shards", _nothing),
    (f"{STATE}.open_payloads", door(lambda database: database.payloads)),
    (f"{STATE}.catalog", TYPES),
    (f"{STATE}.keeping_over", lambda *_: Keeping(None, None)),
    (f"{STATE}.sweeping", lambda *_: nullcontext()),
    (f"{STATE}.compile_source", lambda source, _: COMPILE(source)),
    ("penstock.state.main.calm_garbage_collector", lambda: None),
    ("penstock.state.journal.publisher.open_bus", bus.open_bus),
    (f"{COORDINATOR}.open_server", open_server),
    (f"{COORDINATOR}.open_metrics", lambda *_: nullcontext()),
    (f"{COORDINATOR}.open_coordinator", _shown_coordinator),
    (f"{COORDINATOR}.catalog", TYPES),
    (f"{COORDINATOR}.SystemRandom", Chance),
    (f"{COORDINATOR}.Health", NoHealth),
    ("penstock.coordinator.main.calm_garbage_collector", lambda: None),
    (
        "penstock.coordinator.shell.starts.definitions.compile_source",
        lambda source, _: COMPILE(source),
    ),
    ("penstock.coordinator.adapters.watching.open_bus", bus.open_bus),
    ("penstock.worker.service.open_metrics", lambda *_: nullcontext()),
    ("penstock.worker.service.catalog", TYPES),
    ("penstock.worker.service.compile_source", lambda source, _: COMPILE(source)),
    ("penstock.worker.program.JavaScript", cache(JavaScript)),
    ("penstock.gateway.main.open_server", open_server),
    ("penstock.gateway.main.open_metrics", lambda *_: nullcontext()),
    ("penstock.gateway.main.build_app", lambda doors, **_: doors),
    ("penstock.gateway.main.open_http", _shown_app),
    ("penstock.gateway.main.calm_garbage_collector", lambda: None),
    ("penstock.gateway.live.feeds.open_bus", bus.open_bus),
)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Everything replaced until the block ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with ExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        for owner, name, stand_in in OBJECTS:
            stack.enter_context(patch.object(owner, name, stand_in))
        for path, stand_in in NAMES:
            stack.enter_context(patch(path, stand_in))
        for adapter in [name for name in vars(state_service) if name.startswith("Postgres")]:
            name = STORES.get(adapter)
            store = door(attrgetter(f"stores.{name}")) if name is not None else Absent
            stack.enter_context(patch.object(state_service, adapter, store))
        yield
