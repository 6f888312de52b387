"""Schedules and backfills as rows, and the statements that write schedules within a transaction."""

import asyncpg

from penstock.api.schedule.v1.schedule_pb2 import (
    Backfill,
    BackfillProgress,
    BackfillStatus,
    Progress,
    Schedule,
)
from penstock.common.errors import LimitExceeded
from penstock.common.ids import schedule_ulid, shard_of
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import FileSchedules
from penstock.state.schedules.changing import SCHEDULES_MAX, from_file


def schedule_of(row: asyncpg.Record) -> Schedule:
    """A row as a schedule."""
    schedule = Schedule.FromString(row["definition"])
    schedule.id, schedule.tenant, schedule.workflow = row["id"], row["tenant"], row["workflow"]
    schedule.from_file, schedule.revision = row["from_file"], row["revision"]
    schedule.created_unix_us, schedule.updated_unix_us = row["created_us"], row["updated_us"]
    schedule.progress.CopyFrom(Progress.FromString(row["progress"]))
    schedule.progress.cursor_unix_us = row["cursor_us"]
    schedule.progress.next_unix_us = row["next_us"]
    schedule.progress.queued_unix_us = row["queued_us"]
    schedule.progress.writes = row["writes"]
    return schedule


def _definition(schedule: Schedule) -> bytes:
    """What has no column."""
    return Schedule(
        version=schedule.version,
        timing=schedule.timing,
        params_json=schedule.params_json,
        tags=schedule.tags,
        priority_plus_one=schedule.priority_plus_one,
        paused=schedule.paused,
        note=schedule.note,
    ).SerializeToString()


def packed_progress(progress: Progress) -> bytes:
    """What of a progress has no column."""
    return Progress(
        fires=progress.fires,
        open_executions=progress.open_executions,
        beginning=progress.beginning,
    ).SerializeToString()


def backfill_of(row: asyncpg.Record) -> Backfill:
    """A row as a backfill."""
    backfill = Backfill(
        id=row["id"],
        schedule_id=row["schedule_id"],
        tenant=row["tenant"],
        from_unix_us=row["from_us"],
        to_unix_us=row["to_us"],
        concurrency=row["concurrency"],
        slots_total=row["slots_total"],
        progress=BackfillProgress.FromString(row["progress"]),
        created_unix_us=row["created_us"],
    )
    backfill.progress.status = BackfillStatus.ValueType(row["status"])
    backfill.progress.writes = row["writes"]
    return backfill


class ScheduleWriter:
    """Writes schedules within somebody's transaction."""

    def __init__(self, shard_count: int) -> None:
        self._shard_count = shard_count
        self._sql = load_statements("schedules")

    def shard(self, tenant: str, schedule_id: str) -> int:
        """Where a schedule and its runs belong."""
        return shard_of(schedule_ulid(tenant, schedule_id), self._shard_count)

    async def locked(
        self, session: asyncpg.Connection, tenant: str, schedule_id: str
    ) -> Schedule | None:
        """A schedule, kept as it is until the end of the transaction; if there is none, nobody else
        makes it until then."""
        row = await session.fetchrow(self._sql["lock_schedule"], tenant, schedule_id)
        if row is None:
            await session.execute(self._sql["lock_id"], tenant, schedule_id)
            row = await session.fetchrow(self._sql["lock_schedule"], tenant, schedule_id)
        return None if row is None else schedule_of(row)

    async def write(self, session: asyncpg.Connection, schedule: Schedule) -> None:
        """Insert or replace what people write; raises `LimitExceeded`."""
        tenant = schedule.tenant
        if (
            schedule.revision == 1
            and await session.fetchval(self._sql["count_schedules"], tenant) >= SCHEDULES_MAX
        ):
            raise LimitExceeded(
                f"the account has {SCHEDULES_MAX} schedules already",
                fix="Remove schedules that are not needed any more.",
                limit=SCHEDULES_MAX,
            )
        await session.execute(
            self._sql["write_schedule"],
            tenant,
            schedule.id,
            self.shard(tenant, schedule.id),
            schedule.workflow,
            schedule.from_file,
            schedule.revision,
            _definition(schedule),
            schedule.progress.cursor_unix_us,
            schedule.progress.next_unix_us,
            schedule.created_unix_us,
            schedule.updated_unix_us,
        )

    async def tell(self, session: asyncpg.Connection) -> None:
        """Let coordinators know that something changed; the last statement of a transaction."""
        await session.execute(self._sql["tell_change"])

    async def follow_file(
        self, session: asyncpg.Connection, tenant: str, workflow: str, file: FileSchedules
    ) -> None:
        """Make the workflow's schedules those of its file. Raises `Conflict`."""
        had = {
            row["id"]
            for row in await session.fetch(self._sql["schedules_of_file"], tenant, workflow)
        }
        gone = had - {schedule.id for schedule in file.schedules}
        for schedule_id in sorted(gone):
            await session.execute(self._sql["remove_schedule"], tenant, schedule_id)
        changed = bool(gone)
        for wanted in sorted(file.schedules, key=lambda one: one.id):
            was = await self.locked(session, tenant, wanted.id)
            after = from_file(was, wanted, file.now_us)
            if after is not None:
                await self.write(session, after)
                changed = True
        if changed:
            await self.tell(session)
