"""What the service needs from its database and object store, in its own words.

The adapters under `adapters/` implement these; the conformance tests run one suite over them and
over a twin in memory. Every method raises operating errors only: `Unavailable` when a repeat may
help, `Rejected` when it cannot.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from penstock.api.schedule.v1.schedule_pb2 import Backfill, Schedule
from penstock.api.state.v1.schedule_store_pb2 import (
    ListDueResponse,
    RecordProgressRequest,
    SaveScheduleRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.errors import Internal
from penstock.state.journal.batch import CommitBatch


class Rejected(Internal):
    """The data itself is refused; sending it again cannot help."""


class Head(NamedTuple):
    """Who may write a shard and how far it is written."""

    epoch: int
    position: int


class JournalRow(NamedTuple):
    """A committed row, for publishing; `body` is None if it cannot be read."""

    position: int
    tenant: str
    execution_id: str
    body: bytes | None


class LivePage(NamedTuple):
    """Some rows of live executions, and the key to go on after; None at the end."""

    bodies: list[bytes]
    after: tuple[str, int] | None


class JournalStore(Protocol):
    """Writes the journal."""

    async def commit(self, batch: CommitBatch) -> set[int]:
        """Write the batch in one transaction; return the shards that were written.

        A shard is written if epoch and head match, else nothing of it is. When this returns, what
        was written is on disk. `Rejected`: nothing of the batch was written. `Unavailable`: it is
        not known what was.
        """
        ...

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        """Epoch and head of shards; unknown shards are left out."""
        ...


class Sleeper(NamedTuple):
    """An execution at rest that a timer will wake."""

    wake_us: int
    execution_id: str


class LiveRow(NamedTuple):
    """An execution that has not ended."""

    execution_id: str
    tenant: str
    rests: bool
    wake_us: int


class JournalReader(Protocol):
    """Reads the journal by shard."""

    async def load_live(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        """Rows of the shard's live executions, each execution's in order, a page after a key."""
        ...

    async def load_awake(self, shard: int, after: tuple[str, int] | None, limit: int) -> LivePage:
        """As `load_live`, without executions at rest."""
        ...

    async def load_resting(
        self, wanted: Sequence[tuple[int, str]], after: tuple[str, int] | None, limit: int
    ) -> LivePage:
        """Rows of those of the executions (shard, id) that are at rest, each execution's in order,
        a page after a key."""
        ...

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        """Executions at rest that wake up until a time, the earliest first, after a key."""
        ...

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        """Executions of a shard that have not ended, by id, after one."""
        ...

    async def rows_after(self, shard: int, position: int, limit: int) -> list[JournalRow]:
        """Rows after a position, in order."""
        ...

    async def rows_worth_telling(
        self, shard: int, position: int, limit: int, recent_from: int
    ) -> list[JournalRow]:
        """As `rows_after`, but before `recent_from` only rows of live executions."""
        ...

    async def heads(self, shards: Sequence[int]) -> dict[int, Head]:
        """Epoch and head of shards."""
        ...


class Lease(NamedTuple):
    """A held shard."""

    shard: int
    owner: str
    epoch: int


NOT_SETTLED: Mapping[int, int] = {}


class Granted(NamedTuple):
    """A shard just acquired; `settled`: nothing of it ran when it was given back."""

    shard: int
    epoch: int
    head: int
    settled: bool = False


class Membership(NamedTuple):
    """Live coordinators (id, address) and what they hold; `schedules_changed` grows whenever people
    change a schedule or a backfill."""

    members: list[tuple[str, str]]
    leases: list[Lease]
    schedules_changed: int = 0


class LeaseStore(Protocol):
    """Who may write what. All times are the database's."""

    async def join(self, coordinator_id: str, address: str, ttl_ms: int) -> Membership:
        """Renew a membership, and with it all leases of the member."""
        ...

    async def leave(self, coordinator_id: str) -> Membership:
        """End a membership and give back its shards."""
        ...

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[Granted]:
        """Take those of `shards` that are free, the member's own, or of somebody gone, each under a
        new epoch.

        Raises `Fenced` if the asker is not a live member.
        """
        ...

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        """Give back those of `shards` that it holds, some settled under these epochs."""
        ...


class ExecutionRow(NamedTuple):
    """The projection of an execution."""

    execution_id: str
    tenant: str
    status: int
    workflow: str
    version: int
    definition_hash: str
    tags: list[str]
    started_us: int
    finished_us: int
    nodes_total: int
    nodes_done: int
    failure_reason: str
    last_seq: int


class ExecutionFilter(NamedTuple):
    """Which executions of an account to list; unset parts do not restrict."""

    workflow: str = ""
    statuses: tuple[int, ...] = ()
    tag: str = ""


HISTORY_BYTES_MAX = 2 * 1024 * 1024
"""Rows of a history that are read at once have no more bytes than this, unless it is one row."""


NEWEST_SEQ = 2**62  # beyond every sequence


class HistoryRows(NamedTuple):
    """(last_seq, body) of journal rows, in order; `more` if others follow."""

    rows: list[tuple[int, bytes]]
    more: bool


class ExecutionStore(Protocol):
    """Reads of executions. `tenant` restricts every one of them."""

    async def find(self, tenant: str, execution_id: str) -> ExecutionRow | None:
        """The projection, if the account has such an execution."""
        ...

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> list[str]:
        """Those of these executions that the account has, in no order."""
        ...

    async def history(
        self,
        tenant: str,
        execution_id: str,
        after_seq: int,
        limit: int,
        until_seq: int = NEWEST_SEQ,
    ) -> HistoryRows:
        """Journal rows with events after `after_seq` up to `until_seq`: as many as bounds allow."""
        ...

    async def page(
        self,
        tenant: str,
        chosen: ExecutionFilter,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[ExecutionRow]:
        """Newest first by (started_us, execution_id), strictly before a key."""
        ...


ChildKey = tuple[int, int, int, str]
"""Node, item, attempt, execution id."""


class ChildRow(NamedTuple):
    """An execution and the attempt that started it."""

    execution: ExecutionRow
    node: int
    item: int
    attempt: int


class ChildStore(Protocol):
    """Sub-workflows. `tenant` restricts every call."""

    async def page(
        self, tenant: str, parent_id: str, node: int | None, after: ChildKey | None, limit: int
    ) -> list[ChildRow]:
        """By node, item and attempt, strictly after a key; of one node only, if given."""
        ...


class FileSchedules(NamedTuple):
    """The schedules in a workflow's file, and the time from which new ones count."""

    schedules: Sequence[Schedule]
    now_us: int


class WorkflowStore(Protocol):
    """Workflow versions. `tenant` restricts every call."""

    async def put(
        self, tenant: str, workflow: Workflow, file: FileSchedules | None = None
    ) -> tuple[Workflow, bool]:
        """Store as the next version and tell True; if it is the latest already, return that and
        False. In the same transaction the workflow's schedules that files made become those of
        `file`. Raises `Conflict` if one of them is somebody else's; nothing is stored then."""
        ...

    async def find(self, tenant: str, name: str, version: int) -> Workflow | None:
        """A version; 0 is the latest."""
        ...

    async def definition(self, tenant: str, definition_hash: str) -> str | None:
        """The source of a definition."""
        ...

    async def page(self, tenant: str, after: str, limit: int) -> list[Workflow]:
        """Latest versions by name, after a name, without source."""
        ...

    async def page_versions(
        self, tenant: str, name: str, before: int, limit: int
    ) -> list[Workflow]:
        """Versions of one workflow, newest first, below a number (0: all), without source."""
        ...


class ScheduleStore(Protocol):
    """Schedules and backfills. `tenant` restricts every call that has one."""

    async def save(self, tenant: str, asked: SaveScheduleRequest) -> tuple[Schedule, bool]:
        """Make or change one; True if it was not there. Raises `Conflict`, `LimitExceeded`."""
        ...

    async def find(self, tenant: str, schedule_id: str) -> Schedule | None:
        """One schedule; of its open executions those that have not ended."""
        ...

    async def page(self, tenant: str, workflow: str, after: str, limit: int) -> list[Schedule]:
        """Schedules by id, after an id; of one workflow if it is given."""
        ...

    async def remove(self, tenant: str, schedule_id: str) -> bool:
        """Remove one with its backfills; False if there is none. Raises `Conflict` for one that a
        file made."""
        ...

    async def due(
        self, shards: Sequence[int], until_us: int, limit: int, *, waiting: bool
    ) -> ListDueResponse:
        """Which schedules are due, over all accounts, and when the next one is; with `waiting` also
        queued slots and backfills."""
        ...

    async def record(self, decided: RecordProgressRequest) -> set[int]:
        """Write progress under leases; returns the shards of which not everything was written: the
        lease no longer holds, or it was decided upon what has been written anew since."""
        ...

    async def add_backfill(self, backfill: Backfill) -> Backfill | None:
        """Begin one, or return the one with its id; None if there is no such schedule. Raises
        `LimitExceeded` if too many of the schedule run."""
        ...

    async def backfills(self, tenant: str, schedule_id: str) -> list[Backfill]:
        """The last 100 of a schedule, newest first."""
        ...

    async def stop_backfill(
        self, tenant: str, schedule_id: str, backfill_id: str, now_us: int
    ) -> Backfill | None:
        """Mark one as cancelled unless it has ended; None if there is none."""


class TaskRow(NamedTuple):
    """Something a person is asked; `body` is the question, a serialised HumanTask."""

    execution_id: str
    node: int
    item: int
    attempt: int
    workflow: str
    node_id: str
    opened_us: int
    due_us: int
    body: bytes


class TaskFilter(NamedTuple):
    """Which tasks of an account to list; unset parts do not restrict."""

    execution_id: str = ""
    workflow: str = ""
    assignee: str = ""
    kind: int = 0


TaskPlace = tuple[int, str, int, int]
"""opened_us, execution_id, node, item."""


class TaskStore(Protocol):
    """Reads of open tasks. `tenant` restricts every one of them."""

    async def find(
        self, tenant: str, execution_id: str, place: tuple[int, int, int]
    ) -> TaskRow | None:
        """The task of an attempt (node, item, attempt), if it is asked."""
        ...

    async def page(
        self, tenant: str, chosen: TaskFilter, after: TaskPlace | None, limit: int
    ) -> list[TaskRow]:
        """The oldest first, after a place."""
        ...
