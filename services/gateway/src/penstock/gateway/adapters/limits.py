"""Limits of all coordinators."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from penstock.api.limits.v1 import limits_service_pb2 as pb
from penstock.api.limits.v1.limits_service_pb2_grpc import LimitsServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.asking_all import ask_all
from penstock.gateway.adapters.coordinators import Coordinators, Link

Answer = TypeVar("Answer")


class Limits:
    """`LimitsDoor` over gRPC: each coordinator answers for the keys that it owns."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def limits(self, tenant: str) -> list[pb.Limit]:
        """See `LimitsDoor`."""
        answers = await self._all(tenant, lambda link: self._list(link, tenant))
        return [limit for answer in answers for limit in answer.limits]

    async def release(self, execution_id: str, tenant: str) -> int:
        """See `LimitsDoor`."""
        request = pb.ReleasePermitsRequest(execution_id=execution_id)

        async def ask(link: Link) -> pb.ReleasePermitsResponse:
            stub = LimitsServiceStub(link.channel)
            answer: pb.ReleasePermitsResponse = await call(
                stub.ReleasePermits, request, tenant=tenant
            )
            return answer

        return max([answer.released for answer in await self._all(tenant, ask)], default=0)

    async def set_breaker(self, key: str, is_open: bool, tenant: str) -> bool:
        """See `LimitsDoor`."""
        request = pb.SetBreakerRequest(key=key, open=is_open)

        async def ask(link: Link) -> pb.SetBreakerResponse:
            stub = LimitsServiceStub(link.channel)
            answer: pb.SetBreakerResponse = await call(stub.SetBreaker, request, tenant=tenant)
            return answer

        return any(answer.found for answer in await self._all(tenant, ask))

    async def _list(self, link: Link, tenant: str) -> pb.ListLimitsResponse:
        stub = LimitsServiceStub(link.channel)
        answer: pb.ListLimitsResponse = await call(
            stub.ListLimits, pb.ListLimitsRequest(), tenant=tenant
        )
        return answer

    async def _all(self, tenant: str, ask: Callable[[Link], Awaitable[Answer]]) -> list[Answer]:
        first = await self._list(await self._coordinators.link(), tenant)

        async def at(address: str) -> Answer:
            return await ask(await self._coordinators.link(address))

        return await ask_all(first.coordinators, at)
