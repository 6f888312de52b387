"""What the gateway needs to find executions and to deal with failed ones."""

from typing import Protocol

from penstock.api.search.v1 import search_service_pb2 as api


class Finding(Protocol):
    """State's searches within an account."""

    async def search(
        self, request: api.SearchExecutionsRequest, tenant: str
    ) -> api.SearchExecutionsResponse:
        """A page of what a query finds; raises `InvalidQuery`."""
        ...

    async def count(self, query: str, count_max: int, tenant: str) -> api.CountExecutionsResponse:
        """How many a query finds; raises `InvalidQuery`."""
        ...


class DeadLetters(Protocol):
    """What coordinators do about dead letters. All raise `NotFound` and `Conflict`."""

    async def retry(
        self, request: api.RetryDeadLetterRequest, tenant: str
    ) -> api.RetryDeadLetterResponse:
        """Start a new execution in its place, once."""
        ...

    async def discard(self, execution_id: str, reason: str, tenant: str) -> api.DeadLetter:
        """Take it off the list."""
        ...

    async def restore(self, execution_id: str, tenant: str) -> api.DeadLetter:
        """Put a discarded one back."""
        ...
