"""What operations on many executions need of state."""

from collections.abc import Sequence
from typing import Protocol

from penstock.api.operation.v1.operation_service_pb2 import Operation, StoredOperation


class OperationStore(Protocol):
    """State's table of operations. All raise `Unavailable` if it cannot be reached."""

    async def create(self, tenant: str, operation: Operation) -> tuple[StoredOperation, bool]:
        """Store a new one; True if its id was there, with what is there."""
        ...

    async def find(self, tenant: str, operation_id: str) -> StoredOperation:
        """One of the account; raises `NotFound`."""
        ...

    async def page(self, tenant: str, size: int, token: str) -> tuple[Sequence[Operation], str]:
        """Newest first, and the next page's token."""
        ...

    async def open_of(self, shards: Sequence[int], after: str) -> Sequence[StoredOperation]:
        """Some of those of some shards that go on, by id, strictly after one; none at the end."""
        ...

    async def save(self, stored: StoredOperation) -> int:
        """The new revision; 0 if somebody else wrote meanwhile."""
        ...

    async def erase(self, tenant: str, execution_id: str) -> None:
        """Remove an execution that has ended; raises `NotFound`, `Conflict`."""
        ...
