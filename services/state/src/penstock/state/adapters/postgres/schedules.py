"""Schedules in PostgreSQL: for people by account, for coordinators by shard."""

from collections.abc import Iterable, Sequence

import asyncpg

from penstock.api.schedule.v1.schedule_pb2 import (
    BACKFILL_STATUS_CANCELLED,
    BACKFILL_STATUS_RUNNING,
    Backfill,
    BackfillProgress,
    Progress,
    Schedule,
)
from penstock.api.state.v1.schedule_store_pb2 import (
    ListDueResponse,
    RecordProgressRequest,
    RunningBackfill,
    SaveScheduleRequest,
)
from penstock.common.errors import Conflict, LimitExceeded
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.adapters.postgres.schedule_rows import (
    ScheduleWriter,
    backfill_of,
    packed_progress,
    schedule_of,
)
from penstock.state.schedules.changing import BACKFILLS_MAX, saved

_WAITING_MAX = 5_000
"""Queued slots, and backfills, that a coordinator looks after at the same time."""


class PostgresSchedules:
    """Implements `ScheduleStore`."""

    def __init__(self, database: Database, shard_count: int) -> None:
        self._database = database
        self._writer = ScheduleWriter(shard_count)
        self._sql = load_statements("schedules")

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        """The row, or if there is none its id, is locked from the look to the write."""
        async with self._database.transaction() as session:
            was = await self._writer.locked(session, tenant, asked.schedule.id)
            after = saved(was, tenant, asked)
            if after is None:
                assert was is not None
                return was, False
            await self._writer.write(session, after)
            await self._writer.tell(session)
        return after, was is None

    async def find(self, tenant: str, schedule_id: str) -> Schedule | None:
        """One schedule."""
        async with self._database.session() as session:
            row = await session.fetchrow(self._sql["find_schedule"], tenant, schedule_id)
            if row is None:
                return None
            schedule = schedule_of(row)
            await self._drop_ended(session, [row["shard"]], [schedule.progress])
        return schedule

    async def page(self, tenant: str, workflow: str, after: str, limit: int) -> list[Schedule]:
        """By id."""
        async with self._database.session() as session:
            rows = await session.fetch(
                self._sql["list_schedules"], tenant, workflow or None, after, limit
            )
            found = [schedule_of(row) for row in rows]
            shards = [row["shard"] for row in rows]
            await self._drop_ended(session, shards, [one.progress for one in found])
        return found

    async def remove(self, tenant: str, schedule_id: str) -> bool:
        """Its backfills go with it."""
        async with self._database.transaction() as session:
            was = await self._writer.locked(session, tenant, schedule_id)
            if was is None:
                return False
            if was.from_file:
                raise Conflict(
                    f"the schedule {schedule_id!r} comes from the file of the workflow "
                    f"{was.workflow!r}",
                    fix="Remove it from the file and apply that, or pause it.",
                    schedule=schedule_id,
                )
            await session.execute(self._sql["remove_schedule"], tenant, schedule_id)
            await self._writer.tell(session)
        return True

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        """All in one session; what people change meanwhile is told by the number of changes."""
        queued: Sequence[asyncpg.Record] = ()
        running: Sequence[asyncpg.Record] = ()
        async with self._database.session() as session:
            due = await session.fetch(self._sql["due_schedules"], shards, until_us, limit)
            if waiting:
                queued = await session.fetch(self._sql["queued_schedules"], shards, _WAITING_MAX)
                running = await session.fetch(self._sql["running_backfills"], shards, _WAITING_MAX)
            answer = ListDueResponse(
                due=map(schedule_of, due),
                queued=map(schedule_of, queued),
                backfills=await self._with_schedules(session, running),
                next_unix_us=await session.fetchval(self._sql["next_due"], shards, until_us) or 0,
            )
            progresses: list[Progress | BackfillProgress] = [
                *(one.progress for one in answer.due),
                *(one.progress for one in answer.queued),
                *(one.backfill.progress for one in answer.backfills),
            ]
            await self._drop_ended(session, shards, progresses)
        return answer

    async def _with_schedules(
        self, session: asyncpg.Connection, rows: Sequence[asyncpg.Record]
    ) -> list[RunningBackfill]:
        keys = sorted({(row["tenant"], row["schedule_id"]) for row in rows})
        if not keys:
            return []
        tenants, ids = zip(*keys, strict=True)
        found = await session.fetch(self._sql["schedules_of_keys"], tenants, ids)
        schedules = {(row["tenant"], row["id"]): schedule_of(row) for row in found}
        return [
            RunningBackfill(
                backfill=backfill_of(row), schedule=schedules[row["tenant"], row["schedule_id"]]
            )
            for row in rows
            if (row["tenant"], row["schedule_id"]) in schedules
        ]

    async def _drop_ended(
        self,
        session: asyncpg.Connection,
        shards: Sequence[int],
        progresses: Iterable[Progress | BackfillProgress],
    ) -> None:
        """Leave of the open executions those that have not ended."""
        some = [progress for progress in progresses if progress.open_executions]
        if not some:
            return
        asked = [each for progress in some for each in progress.open_executions]
        rows = await session.fetch(self._sql["still_live"], sorted({*shards}), asked)
        live = {row["execution_id"] for row in rows}
        for progress in some:
            progress.open_executions[:] = [x for x in progress.open_executions if x in live]

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        """Shards taken meanwhile are left out, and so are rows written meanwhile. Rows are written
        in the order in which an applied file locks them."""
        wanted = {one.shard: one.epoch for one in decided.schedules}
        wanted |= {one.shard: one.epoch for one in decided.backfills}
        async with self._database.transaction() as session:
            rows = await session.fetch(
                self._sql["held_shards"], list(wanted), list(wanted.values())
            )
            held = {row["shard"] for row in rows}
            refused = wanted.keys() - held
            for one in sorted(decided.schedules, key=lambda each: (each.tenant, each.id)):
                if one.shard in held and await session.fetchval(
                    self._sql["record_schedule"],
                    one.tenant,
                    one.id,
                    one.revision,
                    one.progress.cursor_unix_us,
                    one.progress.queued_unix_us,
                    packed_progress(one.progress),
                    one.progress.next_unix_us,
                    one.created_unix_us,
                    one.decided_upon if one.HasField("decided_upon") else None,
                    bool(one.progress.beginning),
                ):
                    refused.add(one.shard)
            for each in decided.backfills:
                if each.shard in held and await session.fetchval(
                    self._sql["record_backfill"],
                    each.tenant,
                    each.schedule_id,
                    each.id,
                    each.progress.SerializeToString(),
                    each.progress.status,
                    each.created_unix_us,
                    each.decided_upon if each.HasField("decided_upon") else None,
                ):
                    refused.add(each.shard)
        return refused

    async def add_backfill(self, backfill: Backfill) -> Backfill | None:
        """The schedule's row is locked, so that two at the same time are counted."""
        tenant, schedule_id = backfill.tenant, backfill.schedule_id
        async with self._database.transaction() as session:
            if await self._writer.locked(session, tenant, schedule_id) is None:
                return None
            key = (tenant, schedule_id, backfill.id)
            row = await session.fetchrow(self._sql["find_backfill"], *key)
            if row is None:
                running = await session.fetchval(self._sql["count_running"], tenant, schedule_id)
                if running >= BACKFILLS_MAX:
                    raise LimitExceeded(
                        f"{running} backfills of {schedule_id!r} run already",
                        fix="Wait for one to end, or cancel one.",
                        limit=BACKFILLS_MAX,
                    )
                await session.execute(
                    self._sql["add_backfill"],
                    *key,
                    self._writer.shard(tenant, schedule_id),
                    backfill.from_unix_us,
                    backfill.to_unix_us,
                    backfill.concurrency,
                    backfill.slots_total,
                    backfill.progress.SerializeToString(),
                    backfill.created_unix_us,
                )
                await self._writer.tell(session)
                row = await session.fetchrow(self._sql["find_backfill"], *key)
        return backfill_of(row)

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        """Newest first."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_backfills"], tenant, schedule_id)
            found = [backfill_of(row) for row in rows]
            shards = [row["shard"] for row in rows]
            await self._drop_ended(session, shards, [one.progress for one in found])
        return found

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill | None:
        """One that has ended stays as it is."""
        key = (tenant, schedule_id, backfill_id)
        async with self._database.transaction() as session:
            row = await session.fetchrow(self._sql["lock_backfill"], *key)
            if row is None:
                return None
            backfill = backfill_of(row)
            if backfill.progress.status == BACKFILL_STATUS_RUNNING:
                backfill.progress.status = BACKFILL_STATUS_CANCELLED
                backfill.progress.finished_unix_us = now_us
                packed = backfill.progress.SerializeToString()
                await session.execute(self._sql["stop_backfill"], *key, packed)
                await self._writer.tell(session)
        return backfill
