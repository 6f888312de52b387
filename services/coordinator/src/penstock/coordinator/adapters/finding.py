"""State's searches and dead letters as the coordinator's port."""

from typing import Any

import grpc

from penstock.api.search.v1.search_service_pb2 import (
    CountExecutionsRequest,
    CountExecutionsResponse,
    DeadLetter,
    SearchExecutionsRequest,
    SearchExecutionsResponse,
    SettleDeadLetterRequest,
)
from penstock.api.search.v1.search_service_pb2_grpc import (
    DeadLetterStoreServiceStub,
    SearchServiceStub,
)
from penstock.common.rpc.channel import call


class StateFinding:
    """Implements `Finding`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._searches: Any = SearchServiceStub(channel)
        self._letters: Any = DeadLetterStoreServiceStub(channel)

    async def search(
        self, tenant: str, request: SearchExecutionsRequest
    ) -> SearchExecutionsResponse:
        """A page of what a query finds."""
        answer: SearchExecutionsResponse = await call(
            self._searches.SearchExecutions, request, tenant=tenant
        )
        return answer

    async def count(self, tenant: str, request: CountExecutionsRequest) -> CountExecutionsResponse:
        """How many a query finds."""
        answer: CountExecutionsResponse = await call(
            self._searches.CountExecutions, request, tenant=tenant
        )
        return answer

    async def settle(self, tenant: str, execution_id: str, wanted: DeadLetter) -> DeadLetter:
        """Note what was done about a dead letter."""
        request = SettleDeadLetterRequest(execution_id=execution_id, dead_letter=wanted)
        answer = await call(self._letters.SettleDeadLetter, request, tenant=tenant)
        settled: DeadLetter = answer.dead_letter
        return settled
