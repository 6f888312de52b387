"""What the coordinator's shell needs from outside, in the words of the contracts. The adapters
implement these over gRPC; tests have twins in memory."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from penstock.api.debug.v1 import debug_service_pb2 as debug
from penstock.api.history.v1 import history_service_pb2 as history
from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.peer.v1.peer_service_pb2 import Delivery, Notice
from penstock.api.schedule.v1.schedule_pb2 import Backfill, Schedule
from penstock.api.schedule.v1.schedule_service_pb2 import ListSchedulesRequest
from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.api.state.v1.schedule_store_pb2 import (
    ListDueResponse,
    PageSchedulesResponse,
    RecordProgressRequest,
    SaveScheduleRequest,
)
from penstock.api.state.v1.state_service_pb2 import (
    AppendRequest,
    AppendResponse,
    GrantedShard,
    JoinResponse,
)
from penstock.api.workflow.v1.children_service_pb2 import ListChildrenRequest, ListChildrenResponse
from penstock.api.workflow.v1.task_service_pb2 import (
    GetTaskRequest,
    GetTaskResponse,
    ListTasksRequest,
    ListTasksResponse,
)
from penstock.api.workflow.v1.workflow_service_pb2 import (
    Execution,
    GetExecutionRequest,
    ListExecutionsRequest,
    ListExecutionsResponse,
    ListWorkflowsRequest,
    ListWorkflowsResponse,
    ListWorkflowVersionsRequest,
    ListWorkflowVersionsResponse,
    Workflow,
)
from penstock.coordinator.finding_ports import Finding
from penstock.coordinator.operation_ports import OperationStore
from penstock.workflow.execution.values import Payload


class Journal(Protocol):
    """Ordered appends. Whatever was sent is answered in order, however often the connection to
    state breaks in between."""

    @property
    def connected(self) -> bool:
        """False while state cannot be reached: new work should be refused."""
        ...

    def send(self, request: AppendRequest) -> None:
        """Queue an append; never waits."""
        ...

    async def run(self, on_answer: Callable[[AppendResponse], None]) -> None:
        """Write what is sent and hand over the answers, until cancelled."""
        ...


class Sleeper(NamedTuple):
    """An execution at rest that a timer will wake."""

    wake_us: int
    execution_id: str


class LiveRow(NamedTuple):
    """An execution that has not ended, as its row says."""

    execution_id: str
    tenant: str
    rests: bool
    wake_us: int


NOT_SETTLED: Mapping[int, int] = {}


class Leases(Protocol):
    """Membership, shards and what recovery reads. All raise `Unavailable` or `DeadlineExceeded`
    if state cannot be reached."""

    async def join(
        self, coordinator_id: str, address: str, ttl_ms: int, *, leaving: bool = False
    ) -> JoinResponse:
        """Renew membership and leases."""
        ...

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[GrantedShard]:
        """Take shards that are free; returns those granted."""
        ...

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        """Give shards back. `settled`: those of which nothing runs that the journal does not tell
        of, with the epoch of the lease."""
        ...

    def load(self, shard: int) -> AsyncIterator[EventBatch]:
        """The journal of all live executions of a shard that are not at rest; rows of one execution
        are adjacent."""
        ...

    def load_resting(self, execution_ids: Sequence[str]) -> AsyncIterator[EventBatch]:
        """The journal of those of the executions that are at rest; rows of one are adjacent."""
        ...

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        """Executions at rest of these shards that wake up until a time, the earliest first, after
        a key."""
        ...

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        """Executions of a shard that have not ended, by id, after one."""
        ...


class Payloads(Protocol):
    """The payload store. What one tenant stored no other gets."""

    async def put(self, tenant: str, json: bytes) -> Payload:
        """Store a value; returns its claim check."""
        ...

    async def get(self, tenant: str, digest: str) -> bytes:
        """Bytes of a stored value."""
        ...


class Queries(Protocol):
    """State's reads, on behalf of a tenant. A thing of another tenant is not found."""

    async def get_execution(self, tenant: str, request: GetExecutionRequest) -> Execution:
        """One execution, as much of it as is asked for; raises `NotFound`."""
        ...

    async def list_executions(
        self, tenant: str, request: ListExecutionsRequest
    ) -> ListExecutionsResponse:
        """A page of executions."""
        ...

    async def read_events(
        self, tenant: str, execution_id: str, after_seq: int, rows_max: int = 0
    ) -> list[EventBatch]:
        """Journal rows that end after `after_seq`; empty for an unknown execution."""
        ...

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> Collection[str]:
        """Those of some executions (at most 2,000) that there are, ended or not."""
        ...

    async def put_workflow(
        self, tenant: str, workflow: Workflow, schedules: Sequence[Schedule], now_us: int
    ) -> tuple[Workflow, bool]:
        """Store a checked version; True if it is new. In the same step the workflow's schedules
        that files made become these; new ones count from `now_us`. Raises `Conflict`."""
        ...

    async def get_workflow(self, tenant: str, name: str, version: int) -> Workflow:
        """A version with its source, 0 for the latest; raises `NotFound`."""
        ...

    async def get_definition(self, tenant: str, definition_hash: str) -> str:
        """The source of a definition; raises `NotFound`."""
        ...

    async def list_workflows(
        self, tenant: str, request: ListWorkflowsRequest
    ) -> ListWorkflowsResponse:
        """A page of workflows."""
        ...

    async def list_workflow_versions(
        self, tenant: str, request: ListWorkflowVersionsRequest
    ) -> ListWorkflowVersionsResponse:
        """A page of versions."""
        ...


class History(Protocol):
    """State's reads of the past, on behalf of a tenant."""

    async def at(
        self, tenant: str, request: history.GetExecutionAtRequest
    ) -> history.GetExecutionAtResponse:
        """An execution as it was."""
        ...

    async def compare(
        self, tenant: str, request: history.CompareExecutionsRequest
    ) -> history.CompareExecutionsResponse:
        """Two executions side by side."""
        ...

    async def versions(
        self, tenant: str, request: history.CompareVersionsRequest
    ) -> history.CompareVersionsResponse:
        """Two versions of a workflow side by side."""
        ...

    async def debug_state(
        self, tenant: str, request: debug.GetDebugRequest
    ) -> debug.GetDebugResponse:
        """Where a debugged execution stands."""
        ...

    async def inspect_node(
        self, tenant: str, request: debug.InspectNodeRequest
    ) -> debug.InspectNodeResponse:
        """What a node sees."""
        ...


class Notices(Protocol):
    """What shards owe to elsewhere, as far as it has not arrived. Appends write it."""

    async def page(
        self, shard: int, after_id: int, limit: int
    ) -> tuple[list[tuple[int, bytes]], bool]:
        """The oldest (id, notice encoded) of a shard after an id, and whether there is more."""
        ...

    async def settle(
        self, arrived: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        """Forget these (shard, id), and those that were refused: of them readers are told."""
        ...


class Peers(Protocol):
    """The other coordinators."""

    async def deliver(self, address: str, notices: Sequence[Notice]) -> Sequence[Delivery]:
        """Hand notices to the coordinator at an address; what became of each, in order. Raises
        `Unavailable`, `DeadlineExceeded`."""
        ...

    async def ask(self, address: str, tenant: str, request: Any) -> Any:
        """The answer of the coordinator at an address to a public request, on behalf of a tenant.
        Raises what it raises."""
        ...


class ChildrenQueries(Protocol):
    """Reads of sub-workflows, on behalf of a tenant."""

    async def list_children(
        self, tenant: str, request: ListChildrenRequest
    ) -> ListChildrenResponse:
        """A page of an execution's sub-workflows; raises `NotFound`."""
        ...


class Schedules(Protocol):
    """Schedules and backfills: on behalf of a tenant, and what is due over all of them. All raise
    `Unavailable` or `DeadlineExceeded` if state cannot be reached; what does not exist is
    `NotFound`."""

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        """Make or change one; True if it was not there. Raises `Conflict`, `LimitExceeded`."""
        ...

    async def find(self, tenant: str, schedule_id: str) -> Schedule:
        """One schedule; of its open executions those that have not ended."""
        ...

    async def page(self, tenant: str, asked: ListSchedulesRequest) -> PageSchedulesResponse:
        """A page by id."""
        ...

    async def remove(self, tenant: str, schedule_id: str) -> None:
        """Remove one with its backfills. Raises `Conflict` for one that a file made."""
        ...

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        """Which schedules of these shards are due by a time, and when the next one is; with
        `waiting` also queued slots and backfills."""
        ...

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        """Write what was decided under the leases of the shards; returns the shards of which not
        everything was written: the lease no longer holds, or it was decided upon what has been
        written anew since."""
        ...

    async def add_backfill(self, tenant: str, backfill: Backfill) -> Backfill:
        """Begin one, or return the one with its id. Raises `LimitExceeded`."""
        ...

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        """The last 100 of a schedule, newest first."""
        ...

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill:
        """Mark one as cancelled unless it has ended."""


class TaskQueries(Protocol):
    """What people are asked, on behalf of a tenant."""

    async def list_tasks(self, tenant: str, request: ListTasksRequest) -> ListTasksResponse:
        """A page of open tasks."""
        ...

    async def get_task(self, tenant: str, request: GetTaskRequest) -> GetTaskResponse:
        """One of them; raises `NotFound`."""
        ...


class Usage(Protocol):
    """How much accounts use; an empty workflow stands for all of an account."""

    async def live(self, tenant: str, workflow: str) -> int:
        """Executions that have not ended."""
        ...

    async def started(self, tenant: str, workflow: str, since_us: int, nth: int) -> tuple[int, int]:
        """Executions started after an instant, and when the nth from the last one was, 0 if there
        are fewer."""
        ...


@dataclasses.dataclass(frozen=True)
class State:
    """Everything the shell needs of the state service."""

    journal: Journal
    leases: Leases
    payloads: Payloads
    queries: Queries
    history: History
    notices: Notices
    children: ChildrenQueries
    finding: Finding
    schedules: Schedules
    operations: OperationStore

    tasks: TaskQueries
    usage: Usage
