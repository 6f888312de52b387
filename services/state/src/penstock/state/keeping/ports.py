"""What operations, retention and the collection of garbage need from the database."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from penstock.api.operation.v1.operation_service_pb2 import StoredOperation

Erased = Literal["erased", "running", "owing", "absent"]
"""What became of a request to remove an execution; `owing`: a notice names it."""


class OperationStore(Protocol):
    """Operations on many executions."""

    async def create(self, stored: StoredOperation, shard: int) -> bool:
        """Store a new one; False if its id is taken."""
        ...

    async def find(self, tenant: str, operation_id: str) -> StoredOperation | None:
        """One of the account."""
        ...

    async def page(
        self, tenant: str, before: tuple[int, str] | None, limit: int
    ) -> list[StoredOperation]:
        """Newest first by (created, id), strictly before a key."""
        ...

    async def open_of(self, shards: Sequence[int], after: str, limit: int) -> list[StoredOperation]:
        """Those of some shards that have not ended, of all accounts, by id, strictly after one."""
        ...

    async def save(self, stored: StoredOperation) -> int:
        """Write one if nobody else did since its revision; returns the new revision, 0 if somebody
        did."""
        ...

    async def count_ended(self, tenant: str | None, until_us: int) -> int:
        """How many ended until then, of an account or of all."""
        ...

    async def erase_ended(self, until_us: int, limit: int) -> int:
        """Remove so many of those, of all accounts, the oldest first; returns how many there
        were."""
        ...


class Latest(NamedTuple):
    """The version of a workflow that runs now."""

    tenant: str
    name: str
    definition_hash: str


class Policy(NamedTuple):
    """How long a workflow's ended executions are kept, in microseconds; 0 for ever."""

    tenant: str
    workflow: str
    completed_us: int
    failed_us: int


class Due(NamedTuple):
    """An execution that is to go."""

    execution_id: str
    started_us: int


class RetentionStore(Protocol):
    """Removes executions, whole: journal, projection, labels, what was done about them, references
    to payloads."""

    async def latest(self, after: tuple[str, str], limit: int) -> list[Latest]:
        """The latest version of every workflow, a page after (tenant, name)."""
        ...

    async def due(
        self, policy: Policy, now_us: int, after: tuple[int, str], limit: int
    ) -> tuple[list[Due], tuple[int, str] | None]:
        """Executions that ended long enough ago, among the next `limit` by (started, id) after a
        place, and the place to go on; None at the end."""
        ...

    async def erase(self, execution_ids: Sequence[str]) -> int:
        """Remove those of them that have ended, in one transaction; returns how many there were.
        What takes part in it is touched by nobody else, so no commit waits for it. One that a
        notice in its shard or in that of the execution above names stays: the notice that started
        it may come once more and must find it."""
        ...

    async def erase_one(self, tenant: str, execution_id: str) -> Erased:
        """Remove one of the account."""
        ...


class Marked(NamedTuple):
    """A stored payload that nobody referred to."""

    tenant: str
    digest: str


class GarbageStore(Protocol):
    """Which stored payloads are referred to, and which are to go."""

    async def read_backlog(self, limit: int) -> bool:
        """Note references of some journal rows from before they were noted; False once there are
        none left."""
        ...

    async def mark(self, tenant: str, digests: Sequence[str], now_us: int) -> int:
        """Mark those that no execution refers to and that are not marked yet; returns how many."""
        ...

    async def marked(self, until_us: int, limit: int) -> list[Marked]:
        """Payloads marked up to a time that are still there."""
        ...

    async def count_marked(self, tenant: str | None, until_us: int) -> int:
        """How many `marked` would tell, of an account or of all."""
        ...

    async def sweep(self, marked: Marked, remove: "Remove") -> bool:
        """Call `remove` for one under the lock of its mark, unless somebody refers to it or has
        stored it again; True if it was removed."""
        ...

    async def unmark(self, tenant: str, digest: str) -> bool:
        """Somebody stores these bytes: forget the mark. True if they had been removed meanwhile and
        must be stored again."""
        ...

    async def forget_swept(self, until_us: int) -> None:
        """Drop marks of payloads that were removed long ago."""
        ...


class Remove(Protocol):
    """Removes the object of a payload."""

    async def __call__(self, tenant: str, digest: str) -> bool:
        """It is gone when this returns True; False if it is too young to go after all."""
        ...
