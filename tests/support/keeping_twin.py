"""Retention, garbage and operations over the twin of the journal, the plain way."""

import asyncio

from penstock.api.operation.v1.operation_service_pb2 import (
    OPERATION_STATE_RUNNING,
    StoredOperation,
)
from penstock.state.journal.batch import digests_in
from penstock.state.keeping.ports import Due, Latest, Marked
from support.state_twin import MemoryJournal


class MemoryKeeping:
    """`RetentionStore` and `GarbageStore` over a `MemoryJournal`."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._marks: dict[tuple[str, str], tuple[int, bool]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def latest(self, after: tuple[str, str], limit: int) -> list[Latest]:
        return []

    async def due(self, policy, now_us, after, limit):
        walked = sorted(
            (row.started_us, row.execution_id, row)
            for row in self._journal.executions.values()
            if (row.tenant, row.workflow) == (policy.tenant, policy.workflow)
            and (row.started_us, row.execution_id) > after
        )[:limit]
        found = []
        for started_us, execution_id, row in walked:
            kept_us = policy.completed_us if row.status == 2 else policy.failed_us
            if row.status != 1 and kept_us and row.finished_us <= now_us - kept_us:
                found.append(Due(execution_id, started_us))
        return found, (walked[-1][0], walked[-1][1]) if len(walked) == limit else None

    async def erase(self, execution_ids):
        journal, erased = self._journal, 0
        for execution_id in execution_ids:
            row = journal.executions.get(execution_id)
            if row is None or row.status == 1 or self._is_named(execution_id):
                continue
            erased += 1
            del journal.executions[execution_id]
            journal.terms.pop(execution_id, None)
            journal.failed_nodes.pop(execution_id, None)
            journal.tasks = {
                key: task for key, task in journal.tasks.items() if key[0] != execution_id
            }
            shard = journal.shard_of[execution_id]
            journal.rows[shard] = [
                each if each[0] != execution_id else ("", *each[1:4], b"")
                for each in journal.rows[shard]
            ]
        return erased

    def _is_named(self, execution_id):
        journal = self._journal
        above = [
            term.removeprefix("\x1dparent=")
            for term in journal.terms.get(execution_id, ())
            if term.startswith("\x1dparent=")
        ]
        shards = {journal.shard_of.get(each) for each in (execution_id, *above)}
        return any(
            shard in shards and execution_id.encode() in body
            for (shard, _), body in journal.notices.items()
        )

    async def erase_one(self, tenant, execution_id):
        row = self._journal.executions.get(execution_id)
        if row is None or row.tenant != tenant:
            return "absent"
        if await self.erase([execution_id]):
            return "erased"
        return "running" if row.status == 1 else "owing"

    def _is_referred_to(self, tenant, digest):
        return any(
            owner == tenant and digest in digests_in(body)
            for rows in self._journal.rows.values()
            for _, _, _, owner, body in rows
        )

    async def read_backlog(self, limit):
        return False

    async def mark(self, tenant, digests, now_us):
        fresh = [
            each
            for each in digests
            if (tenant, each) not in self._marks and not self._is_referred_to(tenant, each)
        ]
        self._marks.update({(tenant, each): (now_us, False) for each in fresh})
        return len(fresh)

    async def marked(self, until_us, limit):
        return [
            Marked(*key)
            for key, (at_us, swept) in sorted(self._marks.items(), key=lambda each: each[1])
            if at_us <= until_us and not swept
        ][:limit]

    async def count_marked(self, tenant, until_us):
        marked = await self.marked(until_us, len(self._marks))
        return sum(tenant is None or each.tenant == tenant for each in marked)

    def _lock(self, key):
        return self._locks.setdefault(key, asyncio.Lock())

    async def sweep(self, marked, remove):
        key = tuple(marked)
        async with self._lock(key):
            if self._marks.get(key, (0, True))[1]:
                return False
            if self._is_referred_to(*key) or not await remove(*key):
                del self._marks[key]
                return False
            self._marks[key] = (self._marks[key][0], True)
            return True

    async def unmark(self, tenant, digest):
        async with self._lock((tenant, digest)):
            return self._marks.pop((tenant, digest), (0, False))[1]

    async def forget_swept(self, until_us):
        self._marks = {
            key: (at_us, swept)
            for key, (at_us, swept) in self._marks.items()
            if not (swept and at_us <= until_us)
        }


class MemoryOperationTable:
    """`OperationStore` over a dict."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, StoredOperation]] = {}

    async def create(self, stored, shard):
        if stored.operation.id in self._rows:
            return False
        self._rows[stored.operation.id] = (shard, _copy(stored, 1))
        return True

    async def find(self, tenant, operation_id):
        _, stored = self._rows.get(operation_id, (0, None))
        return _copy(stored) if stored is not None and stored.tenant == tenant else None

    async def page(self, tenant, before, limit):
        found = [
            ((stored.operation.created_unix_us, stored.operation.id), stored)
            for _, stored in self._rows.values()
            if stored.tenant == tenant
        ]
        found.sort(key=lambda each: each[0], reverse=True)
        return [_copy(each) for key, each in found if before is None or key < before][:limit]

    async def open_of(self, shards, after, limit):
        found = [
            _copy(stored)
            for operation_id, (shard, stored) in sorted(self._rows.items())
            if operation_id > after
            and shard in shards
            and stored.operation.state == OPERATION_STATE_RUNNING
        ]
        return found[:limit]

    async def save(self, stored):
        shard, known = self._rows[stored.operation.id]
        if (known.tenant, known.revision) != (stored.tenant, stored.revision):
            return 0
        self._rows[stored.operation.id] = (shard, _copy(stored, stored.revision + 1))
        return stored.revision + 1

    def _ended(self, tenant, until_us):
        found = [
            (stored.operation.ended_unix_us, operation_id)
            for operation_id, (_, stored) in self._rows.items()
            if stored.operation.state != OPERATION_STATE_RUNNING
            and stored.operation.ended_unix_us <= until_us
            and tenant in (None, stored.tenant)
        ]
        return [operation_id for _, operation_id in sorted(found)]

    async def count_ended(self, tenant, until_us):
        return len(self._ended(tenant, until_us))

    async def erase_ended(self, until_us, limit):
        chosen = self._ended(None, until_us)[:limit]
        for operation_id in chosen:
            del self._rows[operation_id]
        return len(chosen)


def _copy(stored, revision=None):
    copy = StoredOperation()
    copy.CopyFrom(stored)
    copy.revision = revision or stored.revision
    return copy
