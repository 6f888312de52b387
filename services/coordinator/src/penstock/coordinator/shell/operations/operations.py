"""Operations on many executions: begun, carried out with progress, taken over when a coordinator
dies.

An operation belongs to a shard by its id, as an execution does, and is carried out by the shard's
owner. It walks what its query finds, portion by portion; after each it writes how far it is and
what comes next. Whoever takes the shard reads the operations that go on and continues with the
portion that was written last: steps of it that were made already are made once more, which changes
nothing and counts them once. Two owners that do not know of each other are kept apart by the
revision: the one whose write is refused stops. Now and then every owner looks for operations that
go on and have nobody.

Whoever cancels one has its owner begin no further step; once those under way have ended, how far it
is and that it was cancelled are written together.
"""

import asyncio
from collections.abc import Sequence

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.common.errors import (
    IdempotencyConflict,
    InvalidQuery,
    PenstockError,
    Unavailable,
)
from penstock.common.ids import keyed_ulid, shard_of
from penstock.common.logging import get_logger
from penstock.coordinator.finding_ports import Finding
from penstock.coordinator.operation_ports import OperationStore
from penstock.coordinator.shell.live import Phase, Shard
from penstock.coordinator.shell.operations.operation_check import check_task
from penstock.coordinator.shell.operations.operation_progress import end, note_fault, note_step
from penstock.coordinator.shell.operations.operation_steps import Stepped, Steps, Work
from penstock.coordinator.shell.operations.portions import Portions
from penstock.coordinator.shell.process import Process
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.starts.starts import Starts

AT_ONCE = 16
RATE_PER_S = 200
_SAMPLE = 10
_RETRY_S = 0.5
_LOOK_S = 30.0
"""How often the table is asked for operations that nobody carries out: one is left over if it was
written while its shard changed hands, or while nobody heard the answer."""
_PATIENCE_S = 5.0
"""Who cancels one waits so long for the steps under way, and is asked to come again after that."""


class _Carried:
    """An operation that is carried out here, from the moment it is read."""

    __slots__ = ("finished", "stop", "stored")

    def __init__(self, stored: pb.StoredOperation) -> None:
        self.stored = stored
        self.stop = asyncio.Event()
        self.finished = asyncio.Event()


class Operations:
    """All of this coordinator's shards."""

    def __init__(
        self, process: Process, starts: Starts, shards: Shards, steps: Steps,
        store: OperationStore, finding: Finding,
    ) -> None:  # fmt: skip
        self._process = process
        self._starts = starts
        self._shards = shards
        self._steps = steps
        self._store = store
        self._portions = Portions(finding)
        self._running: dict[str, _Carried] = {}
        self._log = get_logger("operations")

    async def start(
        self, tenant: str, request: pb.StartOperationRequest
    ) -> pb.StartOperationResponse:
        """Begin one, or tell what it would do. Raises `InvalidQuery`, `InvalidArgument`; with a key
        `WrongOwner`, and `IdempotencyConflict` if it was used for something else."""
        task = request.task
        check_task(task)
        now_us = self._process.clock.now_us()
        operation = pb.Operation(
            task=task, state=pb.OPERATION_STATE_RUNNING, created_unix_us=now_us
        )
        if request.dry_run:
            await self._portions.count(tenant, operation)
            sample = await self._portions.next(tenant, operation, _SAMPLE)
            return pb.StartOperationResponse(operation=operation, sample_ids=sample.execution_ids)
        if request.idempotency_key:
            operation.id = keyed_ulid(tenant, "operation", request.idempotency_key)
            self._shards.of(operation.id)
        else:
            operation.id, _ = self._starts.fresh_id()
        await self._portions.count(tenant, operation)
        operation.portion.CopyFrom(await self._portions.next(tenant, operation))
        try:
            stored, existing = await self._store.create(tenant, operation)
        except PenstockError:
            self._look_again(operation.id)  # it may be written all the same
            raise
        if stored.operation.task != task:
            raise IdempotencyConflict(
                f"the key {request.idempotency_key!r} was used for a different operation",
                fix="Use a new one for a new operation.",
                operation_id=stored.operation.id,
            )
        if stored.operation.state == pb.OPERATION_STATE_RUNNING:
            self._take_up(stored, fresh=not existing)
        return pb.StartOperationResponse(operation=stored.operation, existing=existing)

    async def get(self, tenant: str, operation_id: str) -> pb.Operation:
        """How far one is, as of its last page. Raises `NotFound`."""
        return (await self._store.find(tenant, operation_id)).operation

    async def page(self, tenant: str, size: int, token: str) -> tuple[Sequence[pb.Operation], str]:
        """Newest first."""
        return await self._store.page(tenant, size, token)

    async def cancel(self, tenant: str, operation_id: str) -> pb.Operation:
        """Stop one. The steps under way are finished, and counted. Raises `NotFound`, `WrongOwner`,
        and `Unavailable` if they take too long: then nothing further is begun all the same."""
        while True:
            self._shards.of(operation_id)
            carried = self._running.get(operation_id)
            if carried is not None and carried.stored.tenant == tenant:
                await self._stopped(carried)
            stored = await self._store.find(tenant, operation_id)
            if stored.operation.state != pb.OPERATION_STATE_RUNNING:
                return stored.operation
            if operation_id not in self._running:  # nobody has begun with it
                self._end(stored.operation, pb.OPERATION_STATE_CANCELLED)
                await self._store.save(stored)

    async def _stopped(self, carried: _Carried) -> None:
        carried.stop.set()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await carried.finished.wait()
        except TimeoutError:
            raise Unavailable(
                "what is under way of the operation has not ended yet; nothing further is begun",
                fix="Ask again.",
            ) from None

    async def run(self) -> None:
        """Look for operations that nobody carries out, for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            shards = sorted(self._shards.owned)
            try:
                await self._take_up_open(shards)
            except PenstockError as error:
                self._log.warning("operations_not_listed", error=str(error))

    def on_loaded(self, shard: Shard) -> None:
        """A shard came to life: go on with its operations."""
        self._process.tasks.create_task(self._take_over(shard))

    async def _take_over(self, shard: Shard) -> None:
        while shard.phase is Phase.OWNED:
            try:
                await self._take_up_open([shard.number])
            except PenstockError:
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _take_up_open(self, shards: Sequence[int]) -> None:
        """Those of some shards that go on: some at a time, for each may name many executions."""
        after = ""
        while shards and (found := await self._store.open_of(shards, after)):
            for stored in found:
                self._take_up(stored)
            if found[-1].operation.id <= after:  # a state of before tells all of them each time
                return
            after = found[-1].operation.id

    def _take_up(self, stored: pb.StoredOperation, *, fresh: bool = False) -> None:
        """Carry one out, unless that goes on already. `fresh`: nobody else can have it."""
        operation_id = stored.operation.id
        if operation_id not in self._running:
            carried = self._running[operation_id] = _Carried(stored)
            self._process.tasks.create_task(self._carry_out(carried, fresh=fresh))

    async def _carry_out(self, carried: _Carried, *, fresh: bool) -> None:
        """To the end. One that is not fresh may have been begun with."""
        operation = carried.stored.operation
        try:
            if not fresh:  # what was read may be old: it may be somebody's, or over
                await self._save(carried)
            while self._is_ours(carried) and operation.state == pb.OPERATION_STATE_RUNNING:
                await self._go_on(carried, repeated=not fresh)
                fresh = True
        except Exception as fault:  # noqa: BLE001 - one operation must not end the service
            self._log.error("operation_broke", operation=operation.id, exc_info=fault)
            await self._end_broken(carried, fault)
        finally:
            if self._running.get(operation.id) is carried:
                del self._running[operation.id]
            carried.finished.set()

    async def _end_broken(self, carried: _Carried, fault: Exception) -> None:
        """A fault that would come again ends an operation: it must not stand as running with nobody
        on it. The reason is told even if the failures are full."""
        operation = carried.stored.operation
        if operation.state != pb.OPERATION_STATE_RUNNING:
            return
        note_fault(operation, fault)
        self._end(operation, pb.OPERATION_STATE_FAILED)
        await self._save(carried)

    def _is_ours(self, carried: _Carried) -> bool:
        operation_id = carried.stored.operation.id
        ours = shard_of(operation_id, self._shards.count) in self._shards.owned
        return ours and self._running.get(operation_id) is carried

    async def _go_on(self, carried: _Carried, *, repeated: bool) -> None:
        """One portion: done, and written with what comes next, or that somebody stopped it."""
        operation = carried.stored.operation
        ids = list(operation.portion.execution_ids)
        for first in range(0, len(ids), AT_ONCE):
            if not self._is_ours(carried):
                return
            if carried.stop.is_set():
                break
            await self._step(carried, ids[first : first + AT_ONCE], repeated)
        while self._is_ours(carried):
            if carried.stop.is_set():
                self._end(operation, pb.OPERATION_STATE_CANCELLED)
                await self._save(carried)
                return
            try:
                following = await self._following(carried.stored)
            except PenstockError:
                await asyncio.sleep(_RETRY_S)
                continue
            if self._is_ours(carried) and not carried.stop.is_set():
                self._decide(operation, following)
                await self._save(carried)
                return

    async def _following(self, stored: pb.StoredOperation) -> pb.OperationPortion | None:
        """What comes after the portion; None at the end. One from before portions were written down
        has none, and begins at its place."""
        operation = stored.operation
        if operation.HasField("portion"):
            if not operation.portion.next_place:
                return None
            operation.place = operation.portion.next_place
        try:
            return await self._portions.next(stored.tenant, operation)
        except InvalidQuery as error:  # it was fine when it began: a workflow changed since
            note_step(operation, "", Stepped("failed", error.reason, error.message))
            return None

    def _decide(self, operation: pb.Operation, following: pb.OperationPortion | None) -> None:
        if following is None:
            self._end(operation, pb.OPERATION_STATE_COMPLETED)
        else:
            operation.portion.CopyFrom(following)

    def _end(self, operation: pb.Operation, state: pb.OperationState.ValueType) -> None:
        end(operation, state, self._process.clock.now_us())

    async def _step(self, carried: _Carried, ids: Sequence[str], repeated: bool) -> None:
        """Some steps side by side, no faster than asked for."""
        clock, operation = self._process.clock, carried.stored.operation
        began = clock.monotonic()
        tenant, task = carried.stored.tenant, operation.task
        works = [Work(tenant, operation.id, task, each, repeated) for each in ids]

        async def make(work: Work) -> None:
            note_step(operation, work.execution_id, await self._steps.make(work))

        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(make(work))
        least_s = len(ids) / (operation.task.rate_per_s or RATE_PER_S)
        try:
            async with asyncio.timeout(max(0.0, began + least_s - clock.monotonic())):
                await carried.stop.wait()
        except TimeoutError:
            return

    async def _save(self, carried: _Carried) -> None:
        """Write how far it is; if somebody else wrote meanwhile, it is theirs, or, if they have
        lost the shard to us since, what they wrote is gone on with."""
        stored = carried.stored
        while self._is_ours(carried):
            try:
                revision = await self._store.save(stored)
            except PenstockError:
                await asyncio.sleep(_RETRY_S)
                continue
            stored.revision = revision
            if not revision:
                self._running.pop(stored.operation.id, None)
                self._look_again(stored.operation.id)
            return

    def _look_again(self, operation_id: str) -> None:
        """Go on with what is written, if it goes on and is ours."""
        shard = self._shards.owned.get(shard_of(operation_id, self._shards.count))
        if shard is not None:
            self.on_loaded(shard)
