"""State's database in memory: the same promises as PostgreSQL's adapters, for tests without one."""

from collections.abc import Sequence
from itertools import accumulate

from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.errors import PenstockError
from penstock.state.journal.batch import CommitBatch
from penstock.state.journal.hands import AskedTuple, TaskKey
from penstock.state.journal.texts import TAG_SEPARATOR
from penstock.state.ports import (
    HISTORY_BYTES_MAX,
    NEWEST_SEQ,
    ChildKey,
    ExecutionFilter,
    ExecutionRow,
    FileSchedules,
    Head,
    HistoryRows,
    JournalRow,
    LivePage,
    LiveRow,
    Rejected,
    Sleeper,
)
from support.hand_rows import fits_status, keep_hands, paused_now
from support.schedule_twin import MemorySchedules


class MemoryJournal:
    """`JournalStore`, `JournalReader` and `ExecutionStore` over dicts.

    `faults` are raised by the next commits, one each; with `loses_answers` the commit takes place
    all the same. `commits` are the batches that arrived.
    """

    def __init__(self, shards: int = 64) -> None:
        self.epochs = dict.fromkeys(range(shards), 0)
        self.rows: dict[int, list[tuple[str, int, int, str, bytes]]] = {
            shard: [] for shard in range(shards)
        }
        self.executions: dict[str, ExecutionRow] = {}
        self.shard_of: dict[str, int] = {}
        self.resting: dict[str, int] = {}
        self.notices: dict[tuple[int, int], bytes] = {}
        self.children: dict[tuple[str, str, ChildKey], None] = {}
        self.failed_nodes: dict[str, str] = {}
        self.terms: dict[str, list[str]] = {}
        self.tasks: dict[TaskKey, AskedTuple] = {}
        self.paused: set[tuple[str, str]] = set()
        self.faults: list[PenstockError] = []
        self.loses_answers = False
        self.commits: list[CommitBatch] = []

    async def commit(self, batch: CommitBatch) -> set[int]:
        self.commits.append(batch)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not self.loses_answers:
            raise fault
        written = {
            span.shard
            for span in batch.spans.values()
            if span.shard in self.rows
            and self.epochs[span.shard] == span.epoch
            and len(self.rows[span.shard]) == span.first - 1
        }
        for row in batch.started:
            if row[0] in written and row[1] in self.executions:
                raise Rejected("the execution is there already")
        for row, body in zip(batch.journal, batch.bodies, strict=True):
            shard, _, execution_id, first, last, tenant, *_ = row
            if shard in written:
                self.rows[shard].append((execution_id, first, last, tenant, body))
        self._project(batch, written)
        self._progress(batch, written)
        self._keep_dues(batch, written)
        self._note(batch, written)
        if fault is not None:
            raise fault
        return written

    def _keep_dues(self, batch: CommitBatch, written: set[int]) -> None:
        for shard, number, body in batch.notices:
            if shard in written:
                self.notices[shard, number] = body
        for shard, number in batch.settled:
            if shard in written:
                self.notices.pop((shard, number), None)
        for shard, execution_id, tenant, parent_id, *place in batch.children:
            if shard in written:
                self.children[tenant, parent_id, (*place, execution_id)] = None
        if batch.hands is not None:
            keep_hands(batch.hands, written, self.tasks, self.paused)

    def _project(self, batch: CommitBatch, written: set[int]) -> None:
        for row in batch.started:
            shard, execution_id, tenant, status, seq, total, done, wake, finished, reason = row[:10]
            rest, workflow, version, definition, started, tags = row[10:]
            if shard in written:
                self._rest(execution_id, rest, wake)
                self.shard_of[execution_id] = shard
                listed = tags.split(TAG_SEPARATOR) if tags else []
                self.executions[execution_id] = ExecutionRow(
                    execution_id, tenant, status, workflow, version, definition, listed, started,
                    finished, total, done, reason, seq,
                )  # fmt: skip
        for (
            shard,
            execution_id,
            tenant,
            status,
            seq,
            total,
            done,
            wake,
            finished,
            reason,
            rest,
        ) in batch.changed:
            known = self.executions.get(execution_id)
            if shard in written and known is not None and known.tenant == tenant:
                self._rest(execution_id, rest, wake)
                self.executions[execution_id] = known._replace(
                    status=status, last_seq=seq, nodes_total=total, nodes_done=done,
                    finished_us=finished, failure_reason=reason,
                )  # fmt: skip

    def _progress(self, batch: CommitBatch, written: set[int]) -> None:
        for shard, _, execution_id, _, last, tenant, _, _, total, done in batch.journal:
            known = self.executions.get(execution_id)
            if shard in written and known is not None and known.tenant == tenant:
                self.executions[execution_id] = known._replace(
                    last_seq=last, nodes_total=total, nodes_done=done
                )

    def _note(self, batch: CommitBatch, written: set[int]) -> None:
        for shard, _, _, _, execution_id, node in batch.bad_ends:
            if shard in written:
                self.failed_nodes[execution_id] = node
        for shard, _, term, _, execution_id in batch.terms:
            if shard in written:
                self.terms.setdefault(execution_id, []).append(term)

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        known = [shard for shard in shards if shard in self.rows]
        return {shard: Head(self.epochs[shard], len(self.rows[shard])) for shard in known}

    def _rest(self, execution_id: str, rest: int, wake_us: int) -> None:
        if rest == 1:
            self.resting[execution_id] = wake_us
        elif rest:
            self.resting.pop(execution_id, None)

    @property
    def _live(self) -> set[str]:
        return {i for i, row in self.executions.items() if row.status == 1}

    async def load_live(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        return self._page([shard], self._live, after, limit)

    async def load_awake(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        return self._page([shard], self._live - self.resting.keys(), after, limit)

    async def load_resting(
        self, wanted: Sequence[tuple[int, str]], after: tuple[str, int] | None, limit: int
    ) -> LivePage:
        ids = {execution_id for _, execution_id in wanted} & self._live & self.resting.keys()
        return self._page(sorted({shard for shard, _ in wanted}), ids, after, limit)

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        found = [
            LiveRow(i, self.executions[i].tenant, i in self.resting, self.resting.get(i, 0))
            for i in sorted(self._live)
            if self.shard_of[i] == shard and i > after
        ]
        return found[:limit]

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        due = [
            Sleeper(wake_us, execution_id)
            for execution_id, wake_us in self.resting.items()
            if execution_id in self._live
            and self.shard_of[execution_id] in shards
            and 0 < wake_us <= until_us
        ]
        return sorted(sleeper for sleeper in due if sleeper > after)[:limit]

    def _page(
        self, shards: Sequence[int], ids: set[str], after: tuple[str, int] | None, limit: int
    ) -> LivePage:
        rows = sorted(
            (execution_id, first, body)
            for shard in shards
            for execution_id, first, _, _, body in self.rows[shard]
            if execution_id in ids and (execution_id, first) > (after or ("", 0))
        )[:limit]
        key = (rows[-1][0], rows[-1][1]) if len(rows) == limit else None
        return LivePage([row[2] for row in rows], key)

    async def rows_after(self, shard: int, position: int, limit: int) -> list[JournalRow]:
        return [
            JournalRow(at, tenant, execution_id, body)
            for at, (execution_id, _, _, tenant, body) in enumerate(self.rows[shard], 1)
            if at > position
        ][:limit]

    async def rows_worth_telling(
        self, shard: int, position: int, limit: int, recent_from: int
    ) -> list[JournalRow]:
        rows = await self.rows_after(shard, position, len(self.rows[shard]))
        return [
            row
            for row in rows
            if row.position >= recent_from or self.executions[row.execution_id].status == 1
        ][:limit]

    async def find(self, tenant: str, execution_id: str) -> ExecutionRow | None:
        row = self.executions.get(execution_id)
        return row if row is not None and row.tenant == tenant else None

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> list[str]:
        return [one for one in execution_ids if await self.find(tenant, one) is not None]

    async def history(
        self,
        tenant: str,
        execution_id: str,
        after_seq: int,
        limit: int,
        until_seq: int = NEWEST_SEQ,
    ) -> HistoryRows:
        rows = [
            (last, body)
            for name, first, last, owner, body in self.rows[self.shard_of.get(execution_id, 0)]
            if name == execution_id and owner == tenant and last > after_seq and first <= until_seq
        ]
        sizes = accumulate(len(body) for _, body in rows[:limit])
        fitting = sum(size <= HISTORY_BYTES_MAX for size in sizes)
        return HistoryRows(rows[: max(fitting, 1)], len(rows) > max(fitting, 1))

    async def page(
        self,
        tenant: str,
        chosen: ExecutionFilter,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[ExecutionRow]:
        fitting = [
            paused_now(row, self.paused)
            for row in self.executions.values()
            if row.tenant == tenant
            and chosen.workflow in ("", row.workflow)
            and fits_status(row, chosen.statuses, self.paused)
            and (not chosen.tag or chosen.tag in row.tags)
            and (before is None or (row.started_us, row.execution_id) < before)
        ]
        fitting.sort(key=lambda row: (row.started_us, row.execution_id), reverse=True)
        return fitting[:limit]


class MemoryWorkflows:
    """`WorkflowStore` over a dict of lists."""

    def __init__(self, schedules: MemorySchedules | None = None) -> None:
        self._schedules = schedules
        self._versions: dict[tuple[str, str], list[Workflow]] = {}

    async def put(
        self, tenant: str, workflow: Workflow, file: FileSchedules | None = None
    ) -> tuple[Workflow, bool]:
        if file is not None and self._schedules is not None:
            self._schedules.follow_file(tenant, workflow.name, file)
        versions = self._versions.setdefault((tenant, workflow.name), [])
        if versions and versions[-1].definition_hash == workflow.definition_hash:
            return versions[-1], False
        stored = Workflow()
        stored.CopyFrom(workflow)
        stored.version = len(versions) + 1
        stored.created_at.CopyFrom(Timestamp(seconds=1))
        versions.append(stored)
        return stored, True

    async def find(self, tenant: str, name: str, version: int) -> Workflow | None:
        versions = self._versions.get((tenant, name), [])
        return versions[version - 1] if versions and version <= len(versions) else None

    async def definition(self, tenant: str, definition_hash: str) -> str | None:
        for (owner, _), versions in self._versions.items():
            for one in versions:
                if owner == tenant and one.definition_hash == definition_hash:
                    return one.source
        return None

    async def page(self, tenant: str, after: str, limit: int) -> list[Workflow]:
        names = sorted(n for owner, n in self._versions if owner == tenant and n > after)
        return [self._slim(self._versions[tenant, name][-1]) for name in names[:limit]]

    async def page_versions(
        self, tenant: str, name: str, before: int, limit: int
    ) -> list[Workflow]:
        versions = reversed(self._versions.get((tenant, name), []))
        return [self._slim(v) for v in versions if not before or v.version < before][:limit]

    def _slim(self, workflow: Workflow) -> Workflow:
        slim = Workflow()
        slim.CopyFrom(workflow)
        slim.source = ""
        return slim
