"""State's searches, and coordinators' dead letters, over gRPC."""

import grpc

from penstock.api.search.v1 import search_service_pb2 as api
from penstock.api.search.v1.search_service_pb2_grpc import DeadLetterServiceStub, SearchServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link


class StateFinding:
    """`Finding` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = SearchServiceStub(channel)

    async def search(
        self, request: api.SearchExecutionsRequest, tenant: str
    ) -> api.SearchExecutionsResponse:
        """See `Finding.search`."""
        answer: api.SearchExecutionsResponse = await call(
            self._stub.SearchExecutions, request, tenant=tenant
        )
        return answer

    async def count(self, query: str, count_max: int, tenant: str) -> api.CountExecutionsResponse:
        """See `Finding.count`."""
        request = api.CountExecutionsRequest(query=query, count_max=count_max)
        answer: api.CountExecutionsResponse = await call(
            self._stub.CountExecutions, request, tenant=tenant
        )
        return answer


class CoordinatorDeadLetters:
    """`DeadLetters` at whichever coordinator it takes."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def retry(
        self, request: api.RetryDeadLetterRequest, tenant: str
    ) -> api.RetryDeadLetterResponse:
        """See `DeadLetters.retry`."""

        async def ask(link: Link) -> api.RetryDeadLetterResponse:
            stub = DeadLetterServiceStub(link.channel)
            answer: api.RetryDeadLetterResponse = await call(
                stub.RetryDeadLetter, request, tenant=tenant
            )
            return answer

        return await self._coordinators.at_owner(ask)

    async def discard(self, execution_id: str, reason: str, tenant: str) -> api.DeadLetter:
        """See `DeadLetters.discard`."""
        stub = DeadLetterServiceStub((await self._coordinators.link()).channel)
        request = api.DiscardDeadLetterRequest(execution_id=execution_id, reason=reason)
        answer: api.DiscardDeadLetterResponse = await call(
            stub.DiscardDeadLetter, request, tenant=tenant
        )
        return answer.dead_letter

    async def restore(self, execution_id: str, tenant: str) -> api.DeadLetter:
        """See `DeadLetters.restore`."""
        stub = DeadLetterServiceStub((await self._coordinators.link()).channel)
        request = api.RestoreDeadLetterRequest(execution_id=execution_id)
        answer: api.RestoreDeadLetterResponse = await call(
            stub.RestoreDeadLetter, request, tenant=tenant
        )
        return answer.dead_letter
