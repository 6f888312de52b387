"""PostgreSQL and the payload store of make-believe: state's own adapters, over the twins that pass
the same conformance tests, behind a door that makes them slow, refuse, or lose their answers.

What was asked of the database is done by the database, whether or not who asked is still there: a
write whose process was killed may take effect afterwards.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from penstock.common.errors import NotFound, PenstockError, Unavailable
from penstock.state.journal.batch import CommitBatch
from penstock.state.payloads.store import StoredPayload
from support.simulated.fabric import CURRENT, Fabric
from support.state_stores import in_memory
from support.state_twin import MemoryJournal
from support.state_twin_leases import MemoryLeases

READS = (
    *("find", "page", "history", "heads", "load_", "sleepers", "rows_", "definition", "live"),
    *("count", "due", "backfills", "get"),
)
"""How the names of what changes nothing begin."""

HEALTHY, READ_ONLY, FULL, DOWN, HANGING, FLAKY = (
    "healthy",
    "read-only",
    "full",
    "down",
    "hanging",
    "flaky",
)
PHASES = (READ_ONLY, FULL, DOWN, HANGING, FLAKY)
_REFUSALS = {
    READ_ONLY: "PostgreSQL is read-only",
    FULL: "PostgreSQL's disk is full",
    DOWN: "PostgreSQL cannot be reached",
}
_CONNECT_S = 0.02


@dataclass(frozen=True)
class Row:
    """A journal row that is on disk now."""

    shard: int
    tenant: str
    execution_id: str
    first_seq: int
    last_seq: int
    body: bytes


class WatchedJournal(MemoryJournal):
    """The twin, telling of every row at the instant of its commit."""

    def __init__(self, shards: int) -> None:
        super().__init__(shards)
        self.on_row: Callable[[Row], None] = lambda row: None
        self.ever_owed: set[bytes] = set()

    async def commit(self, batch: CommitBatch) -> set[int]:
        written = await super().commit(batch)
        self.commits.clear()
        for row, body in zip(batch.journal, batch.bodies, strict=True):
            shard, _, execution_id, first, last, tenant, *_ = row
            if shard in written:
                self.on_row(Row(shard, tenant, execution_id, first, last, body))
        self.ever_owed.update(body for shard, _, body in batch.notices if shard in written)
        return written


class TimedLeases(MemoryLeases):
    """The twin with the clock of the database's machine."""

    def __init__(self, journal: MemoryJournal, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        super().__init__(journal)

    @property
    def now_ms(self) -> int:  # type: ignore[override]
        return self._now_us() // 1000

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        """The twin sets it to nought at the beginning."""


@dataclass
class MemoryPayloads:
    """`PayloadStore` over a dict; what one tenant stored no other gets."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    async def put(self, tenant: str, plain: bytes) -> StoredPayload:
        digest = hashlib.sha256(plain).hexdigest()
        self.kept[(tenant, digest)] = plain
        return StoredPayload(digest, len(plain))

    async def get(self, tenant: str, digest: str) -> bytes:
        if (tenant, digest) not in self.kept:
            raise NotFound(f"there is no payload {digest}")
        return self.kept[(tenant, digest)]


class Database:
    """One server, with all that it holds. `phase` says what is wrong with it."""

    def __init__(self, fabric: Fabric, shards: int) -> None:
        self.fabric = fabric
        self.process = fabric.born("database", "database")
        self.phase = HEALTHY
        self.journal = WatchedJournal(shards)
        self.stores = in_memory(self.journal, TimedLeases(self.journal, self.process.now_us))
        self.payloads = MemoryPayloads()
        self.refused = 0

    def refusal(self, *, writes: bool) -> PenstockError | None:
        """What is answered instead, if anything."""
        phase = self.phase
        if phase == DOWN or (writes and phase in _REFUSALS):
            self.refused += 1
            return Unavailable(_REFUSALS[phase])
        return None

    def latency_s(self) -> float:
        """How long a statement takes, one way."""
        rng = self.fabric.rng
        if self.phase == HANGING and rng.random() < 0.5:
            return rng.uniform(0.5, 6.0)
        return rng.uniform(0.000_1, 0.002)


class Door:
    """A store as an adapter offers it to a state process: over a connection that may fail."""

    def __init__(self, database: Database, store: Any) -> None:
        self._database = database
        self._store = store

    def close(self) -> None:
        """Nothing is kept open."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        writes = not name.startswith(READS)

        async def statement(*arguments: Any, **more: Any) -> Any:
            method = partial(getattr(self._store, name), *arguments, **more)
            return await self._carry_out(method, name, writes=writes)

        return statement

    async def _carry_out(self, method: Callable[[], Any], name: str, *, writes: bool) -> Any:
        database = self._database
        refusal = database.refusal(writes=writes)
        if refusal is not None:
            await asyncio.sleep(_CONNECT_S)
            raise refusal
        if not writes:
            await asyncio.sleep(database.latency_s())
            return await method()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        database.process.spawn(self._execute(method, name, done))
        return await done

    async def _execute(
        self, method: Callable[[], Any], name: str, done: "asyncio.Future[Any]"
    ) -> None:
        """The statement as the database sees it."""
        database = self._database
        flaky = database.phase == FLAKY
        await asyncio.sleep(database.latency_s())
        answer: Any = None
        fault: PenstockError | None = database.refusal(writes=True)
        if flaky and fault is None and database.fabric.rng.random() < 0.3:
            fault = Unavailable("PostgreSQL could not serialise the transaction")
        if fault is None:
            database.fabric.point(f"database does {name}")
            try:
                answer = await method()
            except PenstockError as refused:
                fault = refused
            if flaky and database.fabric.rng.random() < 0.3:
                fault = Unavailable("the connection to PostgreSQL broke")
        await asyncio.sleep(database.latency_s() / 2)
        if done.done():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(answer)


def door(pick: Callable[[Database], Any]) -> Callable[..., Door]:
    """In place of an adapter's constructor."""

    def build(*_: object) -> Door:
        database: Database = CURRENT.get().fabric.database
        return Door(database, pick(database))

    return build
