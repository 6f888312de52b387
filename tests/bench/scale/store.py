"""A store with a million finished executions against an empty one: start, dispatch, list, get and
recovery on both, in turns, so that what else the machine does falls on both alike.

Both clusters are alike but for the history: each has some executions of every kind that ran on it,
and some that wait. It asserts nothing; a ratio near 1 means that history costs nothing.
"""

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage

import asyncpg
import grpc

from bench import flows, usage
from bench.load import GrpcLoop, LoadFailed, apply
from bench.scale.history import History, Pattern, pattern_of, seed
from penstock.api.journal.v1.journal_pb2 import (
    EXECUTION_STATUS_COMPLETED,
    EXECUTION_STATUS_FAILED,
    EXECUTION_STATUS_RUNNING,
)
from penstock.api.state.v1.state_service_pb2 import LoadShardRequest
from penstock.api.state.v1.state_service_pb2_grpc import JournalServiceStub, QueryServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.errors import PenstockError
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster, ClusterSettings, open_cluster
from penstock.state.ports import ExecutionFilter
from penstock.state.reading.cursors import to_token

CHAIN = "bench-chain10"
FAILING = "bench-failing"
WAITING = "bench-waiting"
RAN_EACH = 200
WAITING_COUNT = 64
READS = 30
LOOPS = 3
LOOP_S = 3.0
IN_FLIGHT = 300
SHARDS = 64
BYTES_EACH = 6_000
"""Disk per execution while it is written, write-ahead log included; measured, with some to
spare."""

_FLOWS = {
    CHAIN: flows.chain(10),
    FAILING: f"flow: 1\nid: {FAILING}\nnodes:\n  only: {{run: 'throw new Error(\"no\");'}}\n",
    WAITING: f"flow: 1\nid: {WAITING}\nnodes:\n  only: {{uses: wait@1, with: {{signal: go}}}}\n",
}


@dataclass
class Store:
    """One of the two clusters."""

    name: str
    cluster: Cluster
    state: grpc.aio.Channel
    coordinator: grpc.aio.Channel
    middle: tuple[int, str] = (0, "")
    """The place in the middle of its history."""
    some_ids: list[str] = field(default_factory=list)
    """Finished executions from all over its history."""

    async def listed(self, before: tuple[int, str] | None = None, **chosen: object) -> None:
        """Read one page of fifty."""
        request = wf.ListExecutionsRequest(**chosen)  # type: ignore[arg-type]
        if before is not None:
            asked = ExecutionFilter(request.workflow, tuple(request.statuses), request.tag)
            request.page_token = to_token(before, ("executions", *asked))
        await call(QueryServiceStub(self.state).ListExecutions, request)

    async def got(self) -> None:
        """Fold one."""
        self.some_ids.append(self.some_ids.pop(0))
        request = wf.GetExecutionRequest(execution_id=self.some_ids[0])
        await call(QueryServiceStub(self.state).GetExecution, request)

    async def loaded(self) -> None:
        """Everything that a coordinator reads to take all shards."""
        stub = JournalServiceStub(self.state)
        for shard in range(SHARDS):
            async for _ in stub.LoadShard(LoadShardRequest(shard=shard)):
                pass

    async def ran(self) -> None:
        """One chain from start to end."""
        address = self.cluster.coordinator_address
        await GrpcLoop(address, CHAIN, 1, self.coordinator).one_by_one(1)

    async def taken_over(self) -> None:
        """Kill the coordinator and wait until its successor has run a chain."""
        os.kill(self.cluster.pids["coordinator"], signal.SIGKILL)
        async with asyncio.timeout(60):
            while True:
                try:
                    async with asyncio.timeout(10):
                        await self.ran()
                    return
                except (LoadFailed, PenstockError, grpc.RpcError, OSError, TimeoutError):
                    await asyncio.sleep(0.05)


Act = Callable[[Store], Awaitable[None]]

_ENDS = {"completed": EXECUTION_STATUS_COMPLETED, "failed": EXECUTION_STATUS_FAILED}
THROUGHPUT = "nodes of ten-node chains"
TOLD = {
    "start_to_end": "start to end, ten-node chain",
    "get": "get, ten-node chain",
    "list_newest": "list, newest",
    "list_from_the_middle": "list, from the middle",
    "load_of_shards": "load of all shards",
    "nodes_per_s": THROUGHPUT,
}
"""The ratios that are worth keeping."""
ACTS: dict[str, Act] = {
    "start to end, ten-node chain": Store.ran,
    "get, ten-node chain": Store.got,
    "list, newest": lambda store: store.listed(),
    "list, from the middle": lambda store: store.listed(store.middle),
    "list, a workflow": lambda store: store.listed(workflow=CHAIN),
    "list, a workflow, from the middle": lambda s: s.listed(s.middle, workflow=CHAIN),
    "list, a rare workflow": lambda store: store.listed(workflow=WAITING),
    "list, running": lambda store: store.listed(statuses=[EXECUTION_STATUS_RUNNING]),
    "list, completed": lambda store: store.listed(statuses=[_ENDS["completed"]]),
    "list, failed": lambda store: store.listed(statuses=[_ENDS["failed"]]),
    "list, failed, from the middle": lambda s: s.listed(s.middle, statuses=[_ENDS["failed"]]),
    "list, failed, a rare workflow": lambda store: store.listed(
        statuses=[_ENDS["failed"]], workflow=WAITING
    ),
    "list, a frequent tag": lambda store: store.listed(tag="common"),
    "list, a rare tag": lambda store: store.listed(tag="rare"),
    "list, a frequent tag, failed": lambda store: store.listed(
        statuses=[_ENDS["failed"]], tag="common"
    ),
    "load of all shards": Store.loaded,
}


@asynccontextmanager
async def _open_store(name: str) -> AsyncIterator[Store]:
    """A fresh cluster with the workflows."""
    with tempfile.TemporaryDirectory(prefix="penstock-scale-") as folder:
        settings = ClusterSettings(data_dir=Path(folder), log_level="error", shard_count=SHARDS)
        async with (
            open_cluster(settings) as cluster,
            open_channel(cluster.state_address) as state,
            open_channel(cluster.coordinator_address) as coordinator,
        ):
            for source in _FLOWS.values():
                await apply(cluster.coordinator_address, source)
            yield Store(name, cluster, state, coordinator)


async def _run_some(store: Store) -> None:
    """Executions of every kind: ended well, ended badly, waiting."""
    start = WorkflowServiceStub(store.coordinator).StartExecution
    for at in range(RAN_EACH):
        for workflow in (CHAIN, FAILING):
            tags = ["common", "rare"] if at % 3 == 0 else []
            request = wf.StartExecutionRequest(workflow=workflow, tags=tags)
            if at == 0:
                request.wait_for = wf.WAIT_FOR_ENDED
            await call(start, request)
    for _ in range(WAITING_COUNT):
        await call(start, wf.StartExecutionRequest(workflow=WAITING))
    ended = "SELECT count(*) FROM executions WHERE status > 1"
    connection = await asyncpg.connect(store.cluster.database_url)
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(ended) < 2 * RAN_EACH:
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _patterns(connection: asyncpg.Connection) -> list[Pattern]:
    first = "SELECT execution_id FROM executions WHERE workflow = $1 ORDER BY started_us LIMIT 1"
    return [
        await pattern_of(connection, await connection.fetchval(first, workflow), percent)
        for workflow, percent in ((CHAIN, 97), (FAILING, 3))
    ]


async def _look_around(store: Store) -> None:
    """Find out what to ask for, and have written what was left of the filling."""
    connection = await asyncpg.connect(store.cluster.database_url)
    try:
        await connection.execute("CHECKPOINT")
        known = await connection.fetch(
            "SELECT started_us, execution_id FROM executions WHERE status = 2 "
            "ORDER BY started_us, execution_id"
        )
    finally:
        await connection.close()
    store.middle = tuple(known[len(known) // 2])
    store.some_ids = [row["execution_id"] for row in known[:: max(1, len(known) // 97)]]


async def _fill(store: Store, count: int) -> None:
    room = disk_usage(store.cluster.data_dir).free
    if room < count * BYTES_EACH:
        raise SystemExit(
            f"{count:,} executions need {count * BYTES_EACH / 1e9:.0f} GB of disk in "
            f"{store.cluster.data_dir}, there are {room / 1e9:.0f}; give a smaller --executions"
        )
    connection = await asyncpg.connect(store.cluster.database_url)
    try:
        patterns = await _patterns(connection)
    finally:
        await connection.close()
    await seed(store.cluster.database_url, History(patterns, count, SHARDS), count)


async def _timed(act: Act, stores: list[Store], times: int) -> dict[str, float]:
    """Median milliseconds on each store, in turns; the first round warms up."""
    found: dict[str, list[float]] = {store.name: [] for store in stores}
    for at in range(times + 1):
        for store in stores:
            begun = time.perf_counter()
            await act(store)
            if at:
                found[store.name].append((time.perf_counter() - begun) * 1000)
    return {name: statistics.median(each) for name, each in found.items()}


def _show(what: str, unit: str, empty: float, full: float) -> float:
    """Print a line of the table; returns the ratio."""
    ratio = full / empty if empty else 0.0
    print(f"| {what} | {unit} | {empty:,.1f} | {full:,.1f} | {ratio:.2f} |", flush=True)
    return ratio


async def _throughput(stores: list[Store]) -> float:
    """Chains at full speed: nodes per second, and what they cost; returns the ratio of speeds."""
    rates: dict[str, list[float]] = {store.name: [] for store in stores}
    costs: dict[str, dict[str, list[float]]] = {store.name: {} for store in stores}
    for at in range(LOOPS + 1):
        for store in stores:
            address = store.cluster.coordinator_address
            loop = GrpcLoop(address, CHAIN, IN_FLIGHT, store.coordinator)
            with usage.spending(store.cluster.pids) as spent:
                seen = await loop.run(0.5, LOOP_S)
            if at:
                rates[store.name].append(seen.per_second * 10)
                for role, us in spent.us_per(seen.ended_in_all * 10).items():
                    costs[store.name].setdefault(role, []).append(us)
    empty, full = (statistics.median(rates[store.name]) for store in stores)
    ratio = _show(THROUGHPUT, "1/s", empty, full)
    for role in ("postgres", "state", "coordinator"):
        empty, full = (statistics.median(costs[store.name][role]) for store in stores)
        _show(f"CPU per node, {role}", "us", empty, full)
    return ratio


async def store(executions: int) -> dict[str, float]:
    """A million finished executions against an empty store; returns some ratios of the two."""
    ratios: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_open_store(n)) for n in ("empty", "full")]
        for each in stores:
            await _run_some(each)
        print(f"  writing {executions:,} finished executions", flush=True)
        await _fill(stores[1], executions)
        for each in stores:
            await _look_around(each)
        print(f"\n| | | empty | {executions:,} | ratio |\n|---|---|---:|---:|---:|")
        for what, act in ACTS.items():
            found = await _timed(act, stores, READS)
            ratios[what] = _show(what, "ms", found["empty"], found["full"])
        ratios[THROUGHPUT] = await _throughput(stores)
        found = await _timed(Store.taken_over, stores, 2)
        _show("coordinator killed, next chain ended", "ms", found["empty"], found["full"])
        memory = [usage.memory_mb(each.cluster.pids) for each in stores]
        for role in ("state", "coordinator", "postgres"):
            _show(f"resident, {role}", "MB", memory[0][role], memory[1][role])
    return {f"store_full_over_empty_{name}": ratios[what] for name, what in TOLD.items()}
