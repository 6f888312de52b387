"""A million executions asleep on timers: rows, not memory. Some fall asleep by themselves, the rest
are copies of their rows under ids of their own; some wake up meanwhile, across a restart as well.
Few of them are a shorter measure of the same things: see `Pace`. It asserts nothing, but one that
wakes early or not at all ends it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import asyncpg

from bench import flows, usage
from bench.load import GrpcLoop, apply, percentile
from bench.measuring import show
from bench.scale.live import (
    CHAIN,
    IN_FLIGHT,
    LOOP_S,
    Figures,
    held,
    memory_of,
    memory_peak,
    open_scale,
    rate,
    start_many,
)
from bench.starts import LoadFailed
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.ids import new_ulid
from penstock.common.journal_codec import decode_batch
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import Cluster
from penstock.workflow.execution.events import NodeCompleted, NodeWaiting

REALLY_STARTED_MAX = 100_000
FULL_FROM = 100_000
CALLS = 100
PORTION = 20_000
_LEAVE_S = 120.0
_LATE_S = 60.0
_BEFORE = 1 << 41
_NAPS = """
SELECT j.execution_id, j.body FROM executions e JOIN journal j USING (execution_id)
WHERE e.tenant = 'default' AND e.workflow = 'bench-nap' AND e.started_us > $1
ORDER BY j.execution_id, j.first_seq
"""
_ALL_TABLES = ("executions", "journal", "live_executions")


def sleeper(name: str, seconds: int) -> str:
    """A flow that sleeps."""
    node = f"{{uses: delay@1, with: {{duration: {seconds}s}}}}"
    return f"flow: 1\nid: bench-{name}\nnodes:\n  nap: {node}\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the parts last: loops of chains, naps of those that wake up, the look at PostgreSQL
    at the end."""

    naps: int
    nap_s: int
    loop_s: float
    watch_s: float

    @classmethod
    def of(cls, count: int) -> Self:
        """Short below 100,000 sleepers, and never more naps than sleepers."""
        naps = min(2_000, count)
        return cls(naps, 45, LOOP_S, 10.0) if count >= FULL_FROM else cls(naps, 12, 1.0, 3.0)


@dataclass
class Sleeping:
    """A cluster with sleepers."""

    cluster: Cluster
    metrics: dict[str, str]
    pace: Pace
    figures: Figures = field(default_factory=dict)

    async def all_gone(self) -> None:
        """Wait until nobody is left in memory. Raises `LoadFailed` if that takes two minutes."""
        try:
            async with asyncio.timeout(_LEAVE_S):
                while await held(self.metrics):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise LoadFailed("executions that only wait stay in memory") from None

    async def fall_asleep(self, count: int) -> None:
        """Start so many that sleep for a day; the figure is of the last call: what the first one
        took, its successors use again."""
        before = memory_of(self.cluster)
        took = await start_many(self.cluster.coordinator_address, "bench-sleeper", count)
        await self.all_gone()
        after = memory_of(self.cluster)
        show(
            f"    {count:,} started in {took:.0f} s and asleep; coordinator {before:.0f} MB before,"
            f" {after:.0f} MB after, at most {memory_peak(self.cluster):.0f} MB"
        )
        self.figures["sleepers_bytes_each_left"] = round((after - before) * 2**20 / count, 1)

    async def copy(self, count: int) -> None:
        """Make so many more out of the rows of one of them."""
        connection = await asyncpg.connect(self.cluster.database_url)
        begun = time.monotonic()
        try:
            copies = Copies(await _pattern(connection))
            for done in range(0, count, PORTION):
                portion = copies.portion(min(PORTION, count - done))
                async with connection.transaction():
                    for table, (names, rows) in portion.items():
                        await connection.copy_records_to_table(table, records=rows, columns=names)
                if done // PORTION % 10 == 0:
                    show(f"    {done:,} of {count:,} copied, {time.monotonic() - begun:.0f} s")
            for table in _ALL_TABLES:
                await connection.execute(f"VACUUM (ANALYZE) {table}")
        finally:
            await connection.close()

    async def nap(self, *, restart: bool) -> None:
        """Let some take a nap and tell how late they woke; with a restart meanwhile."""
        begun = time.time()
        naps = self.pace.naps
        meanwhile = ", the coordinator is killed meanwhile" if restart else ""
        show(f"    {naps:,} sleep for {self.pace.nap_s} s{meanwhile}")
        await start_many(self.cluster.coordinator_address, "bench-nap", naps)
        await self.all_gone()
        if restart:
            await self.restart()
        late_ms = sorted(await _woken(self.cluster.database_url, self.pace, begun))
        name = "restarted" if restart else "running"
        show(
            f"    {naps:,} woke up, {name}: late by {percentile(late_ms, 0.5):.0f} ms (p50), "
            f"{percentile(late_ms, 0.99):.0f} ms (p99), {late_ms[-1]:.0f} ms at most"
        )
        if late_ms[0] < 0:
            raise LoadFailed(f"somebody woke {-late_ms[0]:.0f} ms early")
        self.figures[f"sleepers_late_ms_p50_{name}"] = round(percentile(late_ms, 0.5), 1)
        self.figures[f"sleepers_late_ms_p99_{name}"] = round(percentile(late_ms, 0.99), 1)

    async def restart(self) -> None:
        """Kill the coordinator; tell how long it takes until it serves again."""
        show("    killing the coordinator")
        begun = time.perf_counter()
        self.cluster.kill("coordinator")
        await asyncio.sleep(0.2)
        await self.cluster.wait_ready("coordinator", timeout_s=120)
        took = time.perf_counter() - begun
        used = self.cpu_of("coordinator")
        await asyncio.sleep(2.0)
        now = memory_of(self.cluster)
        show(
            f"    coordinator killed and serving again after {took:.1f} s, of which {used:.1f} s "
            f"of CPU, {now:.0f} MB"
        )
        self.figures["sleepers_restart_s"] = round(took, 2)
        self.figures["sleepers_restart_cpu_s"] = round(used, 2)
        self.figures["sleepers_coordinator_mb"] = round(now)

    async def restart_state(self) -> None:
        """Kill state; tell how long it takes until it serves, and what it and PostgreSQL use
        then."""
        show("    killing state")
        begun = time.perf_counter()
        self.cluster.kill("state")
        await asyncio.sleep(0.2)
        await self.cluster.wait_ready("state", timeout_s=120)
        took, used = time.perf_counter() - begun, self.cpu_of("state")
        with usage.spending({"postgres": self.cluster.pids["postgres"]}) as spent:
            await asyncio.sleep(self.pace.watch_s)
        show(
            f"    state killed and serving again after {took:.1f} s, of which {used:.1f} s of CPU; "
            f"in the next {self.pace.watch_s:.0f} s PostgreSQL used "
            f"{spent.by_role['postgres']:.1f} s"
        )
        self.figures["sleepers_state_restart_s"] = round(took, 2)
        self.figures["sleepers_state_restart_cpu_s"] = round(used, 2)

    def cpu_of(self, name: str) -> float:
        """CPU seconds of a process since it began."""
        return usage.cpu_seconds({name: self.cluster.pids[name]})[name]

    async def reach(self) -> None:
        """Cancel some that sleep; tell how long one takes."""
        connection = await asyncpg.connect(self.cluster.database_url)
        ids = await connection.fetch(
            "SELECT execution_id FROM live_executions WHERE rests LIMIT $1", CALLS
        )
        await connection.close()
        took: list[float] = []
        async with open_channel(self.cluster.coordinator_address) as channel:
            stub = WorkflowServiceStub(channel)
            for (execution_id,) in ids:
                begun = time.perf_counter()
                request = pb.CancelExecutionRequest(execution_id=execution_id)
                answer = await call(stub.CancelExecution, request)
                if answer.status != 4:
                    raise LoadFailed("a sleeper was not cancelled")
                took.append((time.perf_counter() - begun) * 1000)
        self.figures["sleepers_cancel_ms_p50"] = round(statistics.median(took), 2)
        show(f"    cancelling one that sleeps: {statistics.median(took):.1f} ms (p50)")


async def _woken(database_url: str, pace: Pace, begun: float) -> list[float]:
    """How late each of the last naps ended, in ms."""
    connection = await asyncpg.connect(database_url)
    try:
        ended = 0
        while ended < pace.naps:
            if time.time() - begun > 2 * pace.nap_s + _LATE_S:
                raise LoadFailed(f"{pace.naps - ended} sleepers did not wake up")
            await asyncio.sleep(1.0)
            ended = await connection.fetchval(
                "SELECT count(*) FROM executions WHERE tenant = 'default' "
                "AND workflow = 'bench-nap' AND started_us > $1 AND status = 2",
                int(begun * 1e6),
            )
        rows = await connection.fetch(_NAPS, int(begun * 1e6))
    finally:
        await connection.close()
    return _lateness(rows)


Pattern = dict[str, list[asyncpg.Record]]


async def _pattern(connection: asyncpg.Connection) -> Pattern:
    """All rows of one that sleeps."""
    execution_id = await connection.fetchval(
        "SELECT execution_id FROM live_executions WHERE rests AND wake_us > 0 LIMIT 1"
    )
    return {
        table: await connection.fetch(
            f"SELECT * FROM {table} WHERE execution_id = $1", execution_id
        )
        for table in _ALL_TABLES
    }


class Copies:
    """Rows of executions like a pattern. Their positions lie before those that were given."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._old = pattern["executions"][0]["execution_id"].encode()
        self._position = -_BEFORE
        self._made = 0
        self._at_ms = int(time.time() * 1000)

    def portion(self, count: int) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
        """Columns and rows of so many, by table."""
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self._pattern}
        for _ in range(count):
            self._made += 1
            new_id = new_ulid(self._at_ms, self._made.to_bytes(10, "big"))
            shard = crc32(new_id.encode()) % 64
            for table, records in self._pattern.items():
                rows[table] += [self._copied(record, new_id, shard) for record in records]
        return {t: (list(records[0].keys()), rows[t]) for t, records in self._pattern.items()}

    def _copied(self, record: asyncpg.Record, new_id: str, shard: int) -> tuple[Any, ...]:
        changed: dict[str, Any] = {"execution_id": new_id, "shard": shard}
        if "body" in record:
            self._position += 1
            changed["position"] = self._position
            changed["body"] = record["body"].replace(self._old, new_id.encode())
        return tuple(changed.get(name, value) for name, value in record.items())


def _lateness(rows: Sequence[asyncpg.Record]) -> list[float]:
    due: dict[str, int] = {}
    late_ms: list[float] = []
    for execution_id, body in rows:
        _, _, at_us, events = decode_batch(body)
        for event in events:
            if isinstance(event, NodeWaiting):
                due[execution_id] = event.until_us
            elif isinstance(event, NodeCompleted) and execution_id in due:
                late_ms.append((at_us - due[execution_id]) / 1000)
    return late_ms


async def sleepers(count: int) -> Figures:
    """So many executions asleep on timers, work beside them, a restart, and some that wake up."""
    pace = Pace.of(count)
    takes = "many minutes" if count >= FULL_FROM else "one to two minutes"
    show(f"    {count:,} sleepers, and twice {pace.naps:,} that wake up: {takes}")
    with tempfile.TemporaryDirectory(prefix="penstock-sleepers-") as scratch:
        async with open_scale(scratch, SEGMENTS="false") as (cluster, metrics):
            world = Sleeping(cluster, metrics, pace)
            address = cluster.coordinator_address
            for source in (
                flows.chain(CHAIN),
                sleeper("sleeper", 24 * 3600),
                sleeper("nap", pace.nap_s),
            ):
                await apply(address, source)
            await GrpcLoop(address, f"bench-chain{CHAIN}", IN_FLIGHT).run(0.5, pace.loop_s)
            alone, alone_us = await rate(cluster, pace.loop_s)
            show(f"    alone: {alone:,.0f} nodes/s, coordinator {alone_us:.1f} us/node")
            really = min(count, REALLY_STARTED_MAX)
            for portion in filter(None, (really // 2, really - really // 2)):
                await world.fall_asleep(portion)
            await world.copy(count - really)
            await world.restart()
            beside, beside_us = await rate(cluster, pace.loop_s)
            show(f"    beside: {beside:,.0f} nodes/s, coordinator {beside_us:.1f} us/node")
            await world.nap(restart=False)
            await world.nap(restart=True)
            await world.reach()
            await world.restart_state()
            size = sum(p.stat().st_size for p in Path(scratch).rglob("*") if p.is_file())
            show(f"    {size / 2**30:.1f} GiB on disk")
    return world.figures | {
        "sleepers": count,
        "sleepers_rate_ratio": round(beside / alone, 3),
        "sleepers_cpu_ratio": round(beside_us / alone_us, 3),
    }
