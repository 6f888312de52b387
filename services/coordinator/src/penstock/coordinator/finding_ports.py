"""What the shell needs of state to find executions and to note what was done about failed ones."""

from typing import Protocol

from penstock.api.search.v1.search_service_pb2 import (
    CountExecutionsRequest,
    CountExecutionsResponse,
    DeadLetter,
    SearchExecutionsRequest,
    SearchExecutionsResponse,
)


class Finding(Protocol):
    """State's searches, on behalf of a tenant."""

    async def search(
        self, tenant: str, request: SearchExecutionsRequest
    ) -> SearchExecutionsResponse:
        """A page of what a query finds; raises `InvalidQuery`."""
        ...

    async def count(self, tenant: str, request: CountExecutionsRequest) -> CountExecutionsResponse:
        """How many a query finds; raises `InvalidQuery`."""
        ...

    async def settle(self, tenant: str, execution_id: str, wanted: DeadLetter) -> DeadLetter:
        """Note what was done about a dead letter and tell where it stands; one that was retried
        stays so. Raises `NotFound`."""
        ...
