"""State in memory, behind the coordinator's ports: journal, leases, payloads, queries."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.schedule.v1.schedule_pb2 import Schedule
from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.api.state.v1.state_service_pb2 import (
    AppendRequest,
    AppendResponse,
    ChildRecord,
    Dues,
    GrantedShard,
    JoinResponse,
    Lease,
    Member,
    TaskNews,
)
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import NotFound, Unavailable
from penstock.coordinator.ports import NOT_SETTLED, LiveRow, Sleeper, State
from penstock.state.ports import FileSchedules
from penstock.workflow.execution.values import Payload
from support.coordinator.memory_finding import MemoryFinding
from support.coordinator.memory_history import MemoryHistory
from support.coordinator.memory_notices import MemoryChildren, MemoryNotices
from support.coordinator.memory_operations import MemoryOperations
from support.coordinator.memory_tasks import MemoryTasks, keep_news
from support.coordinator.memory_usage import MemoryUsage
from support.schedule_twin import CoordinatorSchedules, MemorySchedules


class MemoryState:
    """What PostgreSQL would hold. `down` makes every unary call fail; `held` keeps appends from
    being answered; `fenced` shards are refused."""

    def __init__(self, shard_count: int = 8) -> None:
        self.shard_count = shard_count
        self.members: dict[str, str] = {}
        self.leases: dict[int, tuple[str, int]] = {}
        self.epochs: dict[int, int] = dict.fromkeys(range(shard_count), 0)
        self.heads: dict[int, int] = dict.fromkeys(range(shard_count), 0)
        self.settled: set[int] = set()
        self.histories: dict[str, list[EventBatch]] = {}
        self.tenants: dict[str, str] = {}
        self.shard_of: dict[str, int] = {}
        self.resting: dict[str, int] = {}
        self.rows = 0
        self.appends = 0
        self.workflows: dict[tuple[str, str], list[pb.Workflow]] = {}
        self.payloads: dict[str, bytes] = {}
        self.payload_owners: set[tuple[str, str]] = set()
        self.notices: dict[tuple[int, int], bytes] = {}
        self.refused: list[RefusedNotice] = []
        self.children: list[ChildRecord] = []
        self.tasks: dict[tuple[str, int, int, int], TaskNews] = {}
        self.paused: set[str] = set()
        self.down = False
        self.calls: list[str] = []
        self.schedules = MemorySchedules(shard_count, self.epochs, self.live)
        self.finding = MemoryFinding(self)
        self.operations = MemoryOperations(self)

    def check_up(self, call: str) -> None:
        self.calls.append(call)
        if self.down:
            raise Unavailable("state is down")

    def ports(self) -> State:
        return State(
            MemoryJournal(self),
            MemoryLeases(self),
            MemoryPayloads(self),
            MemoryQueries(self),
            MemoryHistory(self.calls),
            MemoryNotices(self),
            MemoryChildren(self),
            self.finding,
            CoordinatorSchedules(self.schedules, self.check_up),
            self.operations,
            MemoryTasks(self),
            MemoryUsage(self),
        )

    def append(self, request: AppendRequest) -> AppendResponse:
        """All or nothing per shard, idempotent by position."""
        self.appends += 1
        answer = AppendResponse(batch_id=request.batch_id)
        for write in request.writes:
            if self.leases.get(write.shard, ("", 0))[1] != write.epoch:
                answer.fenced_shards.append(write.shard)
                continue
            last = write.first_position + len(write.records) - 1
            if last <= self.heads[write.shard]:
                continue
            assert write.first_position == self.heads[write.shard] + 1, "a gap in positions"
            self.heads[write.shard] = last
            for record in write.records:
                batch = EventBatch.FromString(record.body)
                rows = self.histories.setdefault(record.execution_id, [])
                expected = rows[-1].first_seq + len(rows[-1].events) if rows else 1
                assert batch.first_seq == record.first_seq == expected, "a gap in a history"
                assert record.last_seq == batch.first_seq + len(batch.events) - 1
                rows.append(batch)
                self.tenants[record.execution_id] = record.tenant
                self.shard_of[record.execution_id] = write.shard
                if record.projection.rest == 1:
                    self.resting[record.execution_id] = record.projection.wake_unix_us
                elif record.projection.rest == 2:
                    self.resting.pop(record.execution_id)
                self.rows += 1
            self._keep_dues(write.shard, write.dues)
        return answer

    def _keep_dues(self, shard: int, dues: Dues) -> None:
        for notice in dues.notices:
            assert (shard, notice.id) not in self.notices, "two notices with one number"
            self.notices[shard, notice.id] = notice.body
        for settled in dues.settled_notices:
            self.notices.pop((shard, settled), None)
        self.children.extend(dues.children)
        keep_news(dues, self.tasks, self.paused)

    def events(self, execution_id: str) -> list[str]:
        """Kinds of an execution's events, in order."""
        return [
            str(event.WhichOneof("kind"))
            for batch in self.histories.get(execution_id, [])
            for event in batch.events
        ]

    def live(self) -> set[str]:
        """Executions that have not ended."""
        return {execution_id for execution_id in self.histories if not self.ended(execution_id)}

    def ended(self, execution_id: str) -> bool:
        return "execution_ended" in self.events(execution_id)


class MemoryJournal:
    """The append stream. `paused` keeps answers back; `breaks` loses the answer of that many
    batches once, as a broken stream does, and sends them again."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._queue: deque[AppendRequest] = deque()
        self._filled = asyncio.Event()
        self.connected = True
        self.going = asyncio.Event()
        self.going.set()
        self.breaks = 0
        self.sent: list[AppendRequest] = []

    def send(self, request: AppendRequest) -> None:
        self._queue.append(request)
        self.sent.append(request)
        self._filled.set()

    async def run(self, on_answer: Callable[[AppendResponse], None]) -> None:
        while True:
            await self._filled.wait()
            await self.going.wait()
            if not self._queue:
                self._filled.clear()
                continue
            request = self._queue[0]
            answer = self._state.append(request)
            if self.breaks:
                self.breaks -= 1
                continue
            self._queue.popleft()
            on_answer(answer)
            await asyncio.sleep(0)


class MemoryLeases:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def join(
        self, coordinator_id: str, address: str, ttl_ms: int, *, leaving: bool = False
    ) -> JoinResponse:
        state = self._state
        state.check_up("join")
        if leaving:
            state.members.pop(coordinator_id, None)
            state.leases = {n: x for n, x in state.leases.items() if x[0] != coordinator_id}
        else:
            state.members[coordinator_id] = address
        return JoinResponse(
            shard_count=state.shard_count,
            members=[Member(coordinator_id=i, address=a) for i, a in state.members.items()],
            leases=[
                Lease(shard=n, coordinator_id=who, epoch=epoch)
                for n, (who, epoch) in state.leases.items()
            ],
            schedules_changed=state.schedules.number,
        )

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[GrantedShard]:
        state = self._state
        state.check_up("acquire")
        granted = []
        for shard in shards:
            holder = state.leases.get(shard)
            if holder is None or holder[0] not in state.members:
                state.epochs[shard] += 1
                state.leases[shard] = (coordinator_id, state.epochs[shard])
                granted.append(
                    GrantedShard(
                        shard=shard,
                        epoch=state.epochs[shard],
                        head=state.heads[shard],
                        settled=shard in state.settled,
                    )
                )
                state.settled.discard(shard)
        return granted

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        state = self._state
        state.check_up("release")
        for shard in shards:
            if state.leases.get(shard, ("", 0))[0] == coordinator_id:
                del state.leases[shard]
                if settled.get(shard) == state.epochs[shard]:
                    state.settled.add(shard)

    async def load(self, shard: int) -> AsyncIterator[EventBatch]:
        state = self._state
        state.check_up("load")
        for execution_id, rows in list(state.histories.items()):
            if (
                state.shard_of[execution_id] == shard
                and not state.ended(execution_id)
                and execution_id not in state.resting
            ):
                for row in list(rows):
                    yield row

    async def load_resting(self, execution_ids: Sequence[str]) -> AsyncIterator[EventBatch]:
        state = self._state
        state.check_up("load_resting")
        await asyncio.sleep(0)
        for execution_id in execution_ids:
            if execution_id in state.resting and not state.ended(execution_id):
                for row in list(state.histories[execution_id]):
                    yield row

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        state = self._state
        state.check_up("sleepers")
        due = [
            Sleeper(wake_us, execution_id)
            for execution_id, wake_us in state.resting.items()
            if state.shard_of[execution_id] in shards
            and 0 < wake_us <= until_us
            and not state.ended(execution_id)
        ]
        found = sorted(each for each in due if each > after)[:limit]
        await asyncio.sleep(0)
        return found

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        state = self._state
        state.check_up("live")
        found = [
            LiveRow(each, state.tenants[each], each in state.resting, state.resting.get(each) or 0)
            for each in sorted(state.histories)
            if state.shard_of[each] == shard and each > after and not state.ended(each)
        ]
        await asyncio.sleep(0)
        return found[:limit]


class MemoryPayloads:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def put(self, tenant: str, json: bytes) -> Payload:
        self._state.check_up("put_payload")
        digest = hashlib.sha256(json).hexdigest()
        self._state.payloads[digest] = json
        self._state.payload_owners.add((tenant, digest))
        return Payload(b"", digest, len(json))

    async def get(self, tenant: str, digest: str) -> bytes:
        self._state.check_up("get_payload")
        if (tenant, digest) not in self._state.payload_owners:
            raise NotFound(f"there is no payload {digest}")
        return self._state.payloads[digest]


class MemoryQueries:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def _rows(self, tenant: str, execution_id: str) -> list[EventBatch]:
        if self._state.tenants.get(execution_id) != tenant:
            return []
        return self._state.histories.get(execution_id, [])

    async def get_execution(self, tenant: str, request: pb.GetExecutionRequest) -> pb.Execution:
        detail = request.detail
        self._state.check_up(pb.ExecutionDetail.Name(detail) if detail else "get_execution")
        execution_id = request.execution_id
        rows = self._rows(tenant, execution_id)
        if not rows:
            raise NotFound(f"there is no execution {execution_id}")
        started = rows[0].events[0].execution_started
        found = pb.Execution(
            id=execution_id, workflow=started.workflow, version=started.version, status=1
        )
        found.tenant = tenant
        last = rows[-1].events[-1]
        if last.WhichOneof("kind") == "execution_ended":
            found.status = last.execution_ended.status
            found.output.CopyFrom(last.execution_ended.output)
        return found

    async def list_executions(
        self, tenant: str, request: pb.ListExecutionsRequest
    ) -> pb.ListExecutionsResponse:
        self._state.check_up("list_executions")
        return pb.ListExecutionsResponse(
            executions=[pb.Execution(id=i) for i, t in self._state.tenants.items() if t == tenant]
        )

    async def read_events(
        self, tenant: str, execution_id: str, after_seq: int, rows_max: int = 0
    ) -> list[EventBatch]:
        self._state.check_up("read_events")
        rows = self._rows(tenant, execution_id)
        return [r for r in rows if r.first_seq + len(r.events) - 1 > after_seq]

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> list[str]:
        self._state.check_up("known")
        await asyncio.sleep(0)
        return [one for one in execution_ids if self._rows(tenant, one)]

    async def put_workflow(
        self,
        tenant: str,
        workflow: pb.Workflow,
        schedules: Sequence[Schedule] = (),
        now_us: int = 0,
    ) -> tuple[pb.Workflow, bool]:
        self._state.check_up("put_workflow")
        if now_us:
            file = FileSchedules(schedules, now_us)
            self._state.schedules.follow_file(tenant, workflow.name, file)
        versions = self._state.workflows.setdefault((tenant, workflow.name), [])
        if versions and versions[-1].definition_hash == workflow.definition_hash:
            return versions[-1], False
        stored = pb.Workflow()
        stored.CopyFrom(workflow)
        stored.version = len(versions) + 1
        versions.append(stored)
        answer = pb.Workflow()
        answer.CopyFrom(stored)
        return answer, True

    async def get_workflow(self, tenant: str, name: str, version: int) -> pb.Workflow:
        self._state.check_up("get_workflow")
        versions = self._state.workflows.get((tenant, name), [])
        if not versions or version > len(versions):
            raise NotFound(f"there is no workflow {name}")
        return versions[version - 1]

    async def get_definition(self, tenant: str, definition_hash: str) -> str:
        self._state.check_up("get_definition")
        for (owner, _), versions in self._state.workflows.items():
            for known in versions:
                if owner == tenant and known.definition_hash == definition_hash:
                    return known.source
        raise NotFound(f"there is no definition {definition_hash}")

    async def list_workflows(
        self, tenant: str, request: pb.ListWorkflowsRequest
    ) -> pb.ListWorkflowsResponse:
        self._state.check_up("list_workflows")
        return pb.ListWorkflowsResponse(
            workflows=[v[-1] for (t, _), v in self._state.workflows.items() if t == tenant]
        )

    async def list_workflow_versions(
        self, tenant: str, request: pb.ListWorkflowVersionsRequest
    ) -> pb.ListWorkflowVersionsResponse:
        self._state.check_up("list_workflow_versions")
        versions = self._state.workflows.get((tenant, request.name), [])
        return pb.ListWorkflowVersionsResponse(versions=list(reversed(versions)))
