"""Schedules in memory: the promises of state's `ScheduleStore`, and through `CoordinatorSchedules`
those of the coordinator's port."""

from collections.abc import Callable, Collection, Mapping, Sequence

from penstock.api.schedule.v1.schedule_pb2 import (
    BACKFILL_STATUS_CANCELLED,
    BACKFILL_STATUS_RUNNING,
    Backfill,
    Schedule,
)
from penstock.api.schedule.v1.schedule_service_pb2 import ListSchedulesRequest
from penstock.api.state.v1.schedule_store_pb2 import (
    ListDueResponse,
    PageSchedulesResponse,
    RecordProgressRequest,
    RunningBackfill,
    SaveScheduleRequest,
)
from penstock.common.errors import Conflict, LimitExceeded, NotFound
from penstock.common.ids import schedule_ulid, shard_of
from penstock.state.ports import FileSchedules
from penstock.state.schedules.changing import BACKFILLS_MAX, SCHEDULES_MAX, from_file, saved


def copy_of(message):
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


class MemorySchedules:
    """`epochs` are those of the shards; `live` tells which executions have not ended."""

    def __init__(
        self, shard_count: int, epochs: Mapping[int, int], live: Callable[[], Collection[str]]
    ) -> None:
        self._shard_count = shard_count
        self._epochs = epochs
        self._live = live
        self.rows: dict[tuple[str, str], Schedule] = {}
        self.backfill_rows: dict[tuple[str, str, str], Backfill] = {}
        self.number = 1

    def shard(self, tenant: str, schedule_id: str) -> int:
        return shard_of(schedule_ulid(tenant, schedule_id), self._shard_count)

    def _seen(self, message):
        """A copy as readers get it."""
        copied = copy_of(message)
        live = self._live()
        progress = copied.progress
        progress.open_executions[:] = [x for x in progress.open_executions if x in live]
        return copied

    def _write(self, tenant: str, after: Schedule) -> None:
        of_account = sum(1 for owner, _ in self.rows if owner == tenant)
        if after.revision == 1 and of_account >= SCHEDULES_MAX:
            raise LimitExceeded("too many schedules", limit=SCHEDULES_MAX)
        after.tenant = tenant
        self.rows[tenant, after.id] = after

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        was = self.rows.get((tenant, asked.schedule.id))
        after = saved(was, tenant, asked)
        if after is None:
            return copy_of(was), False
        self._write(tenant, after)
        self.number += 1
        return copy_of(after), was is None

    def follow_file(self, tenant: str, workflow: str, file: FileSchedules) -> None:
        ids = {one.id for one in file.schedules}
        after = {}
        for wanted in file.schedules:
            own = copy_of(wanted)
            own.tenant = tenant
            after[wanted.id] = from_file(self.rows.get((tenant, wanted.id)), own, file.now_us)
        gone = [
            key
            for key, row in self.rows.items()
            if key[0] == tenant and row.workflow == workflow and row.from_file and key[1] not in ids
        ]
        for key in gone:
            self._drop(*key)
        for row in after.values():
            if row is not None:
                self._write(tenant, row)
        if gone or any(after.values()):
            self.number += 1

    async def find(self, tenant: str, schedule_id: str) -> Schedule | None:
        found = self.rows.get((tenant, schedule_id))
        return None if found is None else self._seen(found)

    async def page(self, tenant: str, workflow: str, after: str, limit: int) -> list[Schedule]:
        found = [
            row
            for (owner, schedule_id), row in sorted(self.rows.items())
            if owner == tenant and schedule_id > after and workflow in ("", row.workflow)
        ]
        return [self._seen(row) for row in found[:limit]]

    def _drop(self, tenant: str, schedule_id: str) -> None:
        del self.rows[tenant, schedule_id]
        for key in [key for key in self.backfill_rows if key[:2] == (tenant, schedule_id)]:
            del self.backfill_rows[key]

    async def remove(self, tenant: str, schedule_id: str) -> bool:
        was = self.rows.get((tenant, schedule_id))
        if was is None:
            return False
        if was.from_file:
            raise Conflict("it comes from a file")
        self._drop(tenant, schedule_id)
        self.number += 1
        return True

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        mine = [row for (t, i), row in self.rows.items() if self.shard(t, i) in shards]
        armed = sorted(
            (row for row in mine if row.progress.next_unix_us),
            key=lambda row: row.progress.next_unix_us,
        )
        due = [row for row in armed if row.progress.next_unix_us <= until_us]
        later = [row for row in armed if row.progress.next_unix_us > until_us]
        answer = ListDueResponse(
            due=[self._seen(row) for row in due[:limit]],
            next_unix_us=later[0].progress.next_unix_us if later else 0,
        )
        if waiting:
            answer.queued.extend(self._seen(r) for r in mine if r.progress.queued_unix_us)
            for (tenant, schedule_id, _), row in self.backfill_rows.items():
                if row.progress.status != BACKFILL_STATUS_RUNNING:
                    continue
                if self.shard(tenant, schedule_id) in shards:
                    answer.backfills.append(
                        RunningBackfill(
                            backfill=self._seen(row),
                            schedule=self._seen(self.rows[tenant, schedule_id]),
                        )
                    )
        return answer

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        fenced = {
            one.shard
            for one in (*decided.schedules, *decided.backfills)
            if self._epochs[one.shard] != one.epoch
        }
        refused = set(fenced)
        for one in decided.schedules:
            row = self.rows.get((one.tenant, one.id))
            if row is None or one.shard in fenced:
                continue
            if one.created_unix_us not in (row.created_unix_us, 0):
                continue
            was = copy_of(row.progress)
            if one.HasField("decided_upon") and one.decided_upon != was.writes:
                refused.add(one.shard)
                continue
            row.progress.CopyFrom(one.progress)
            row.progress.writes = was.writes + 1
            cursor_us = max(was.cursor_unix_us, one.progress.cursor_unix_us)
            row.progress.cursor_unix_us = cursor_us
            if row.revision != one.revision and not one.progress.beginning:
                row.progress.next_unix_us = was.next_unix_us
        for each in decided.backfills:
            found = self.backfill_rows.get((each.tenant, each.schedule_id, each.id))
            if found is None or each.shard in fenced:
                continue
            if each.created_unix_us not in (found.created_unix_us, 0):
                continue
            if found.progress.status != BACKFILL_STATUS_RUNNING:
                continue
            writes = found.progress.writes
            if each.HasField("decided_upon") and each.decided_upon != writes:
                refused.add(each.shard)
                continue
            found.progress.CopyFrom(each.progress)
            found.progress.writes = writes + 1
        return refused

    async def add_backfill(self, backfill: Backfill) -> Backfill | None:
        key = (backfill.tenant, backfill.schedule_id, backfill.id)
        if key[:2] not in self.rows:
            return None
        if key not in self.backfill_rows:
            running = [
                k
                for k, row in self.backfill_rows.items()
                if k[:2] == key[:2] and row.progress.status == BACKFILL_STATUS_RUNNING
            ]
            if len(running) >= BACKFILLS_MAX:
                raise LimitExceeded("too many backfills", limit=BACKFILLS_MAX)
            self.backfill_rows[key] = copy_of(backfill)
            self.number += 1
        return copy_of(self.backfill_rows[key])

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        found = [row for key, row in self.backfill_rows.items() if key[:2] == (tenant, schedule_id)]
        found.sort(key=lambda row: (row.created_unix_us, row.id), reverse=True)
        return [self._seen(row) for row in found[:100]]

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill | None:
        row = self.backfill_rows.get((tenant, schedule_id, backfill_id))
        if row is not None and row.progress.status == BACKFILL_STATUS_RUNNING:
            row.progress.status = BACKFILL_STATUS_CANCELLED
            row.progress.finished_unix_us = now_us
            self.number += 1
        return None if row is None else copy_of(row)


class CoordinatorSchedules:
    """The coordinator's `Schedules` over the twin: what is missing is an error. `check` is called
    before each call, with its name."""

    def __init__(self, twin: MemorySchedules, check: Callable[[str], None]) -> None:
        self._twin = twin
        self._check = check

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        self._check("save_schedule")
        return await self._twin.save(tenant, asked)

    async def find(self, tenant: str, schedule_id: str) -> Schedule:
        self._check("find_schedule")
        return _there(await self._twin.find(tenant, schedule_id))

    async def page(self, tenant: str, asked: ListSchedulesRequest) -> PageSchedulesResponse:
        self._check("page_schedules")
        return PageSchedulesResponse(
            schedules=await self._twin.page(tenant, asked.workflow, "", asked.page_size or 50)
        )

    async def remove(self, tenant: str, schedule_id: str) -> None:
        self._check("remove_schedule")
        _there(await self._twin.remove(tenant, schedule_id) or None)

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        self._check("due")
        return await self._twin.due(shards, until_us, limit, waiting=waiting)

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        self._check("record_progress")
        return await self._twin.record(decided)

    async def add_backfill(self, tenant: str, backfill: Backfill) -> Backfill:
        self._check("add_backfill")
        return _there(await self._twin.add_backfill(backfill))

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        self._check("backfills")
        return await self._twin.backfills(tenant, schedule_id)

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill:
        self._check("stop_backfill")
        return _there(await self._twin.stop_backfill(tenant, schedule_id, backfill_id, now_us))


def _there(found):
    if found is None:
        raise NotFound("there is no such schedule or backfill")
    return found
