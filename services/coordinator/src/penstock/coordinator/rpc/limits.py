"""LimitsService: who holds and who waits under the keys that this coordinator owns."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import grpc

from penstock.api.limits.v1 import limits_service_pb2 as pb
from penstock.api.limits.v1.limits_service_pb2_grpc import LimitsServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.limits.book import Limit
from penstock.coordinator.limits.breakers import Breaker
from penstock.coordinator.limits.permits import Ask, RateRule, SlotRule, make_key, split_key
from penstock.coordinator.limits.rates import Window
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.shell.coordinator import Coordinator

Context = grpc.aio.ServicerContext[Any, Any]

_SHOWN = 100
_KEYS_MAX = 1_000


class LimitsRpc(LimitsServiceServicer):
    """Translates between the contract and the permit book."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._of = coordinator
        self._limits = coordinator.limits

    async def ListLimits(
        self, request: pb.ListLimitsRequest, context: Context
    ) -> pb.ListLimitsResponse:
        """The keys in use here."""
        found = islice(self._known(call_tenant(context)), _KEYS_MAX)
        return pb.ListLimitsResponse(limits=found, coordinators=self._of.shards.members)

    def _known(self, tenant: str) -> Iterator[pb.Limit]:
        book = self._limits.book
        now_us = self._limits.now_us()
        for key, limit in book:
            kind, owner, text = split_key(key)
            if owner in (tenant, ""):
                shown = pb.Limit(kind=kind, key=text, open=book.is_open(key))
                _describe(shown, limit, now_us)
                if owner != tenant:  # of all accounts: who waits there concerns nobody else
                    del shown.line[:]
                yield shown

    async def ReleasePermits(
        self, request: pb.ReleasePermitsRequest, context: Context
    ) -> pb.ReleasePermitsResponse:
        """Free what an execution holds, at both ends."""
        if not request.execution_id:
            raise InvalidArgument("An execution is needed.", fix="Give its id.")
        released = self._limits.release(call_tenant(context), request.execution_id)
        return pb.ReleasePermitsResponse(released=released)

    async def SetBreaker(
        self, request: pb.SetBreakerRequest, context: Context
    ) -> pb.SetBreakerResponse:
        """Open or close a breaker."""
        key = make_key("breaker", call_tenant(context), request.key)
        return pb.SetBreakerResponse(found=self._limits.set_breaker(key, is_open=request.open))


def _describe(shown: pb.Limit, limit: Limit, now_us: int) -> None:
    waiting = list(limit.line)
    shown.waiting = len(waiting)
    shown.line.extend(_holders(waiting))
    match limit:
        case Slots():
            shown.used = len(limit.holders)
            for holding in islice(limit.holders.values(), _SHOWN):
                shown.holders.append(_holder(holding.ask, doubtful=holding.until_us > 0))
            asks = [*(held.ask for held in limit.holders.values()), *waiting]
            shown.limit = max(
                (a.rule.limit for a in asks if isinstance(a.rule, SlotRule)), default=0
            )
        case Window():
            rule = next((a.rule for a in waiting if isinstance(a.rule, RateRule)), limit.rule)
            if rule is not None:
                shown.limit, shown.used = rule.limit, limit.used(now_us, rule)
                shown.per.FromMicroseconds(rule.per_us)
        case Breaker():
            shown.limit, shown.used = limit.rule.failures, limit.failures
            shown.per.FromMicroseconds(limit.rule.timeout_us)
            shown.state = limit.state.value


def _holders(asks: Iterable[Ask]) -> Iterator[pb.Holder]:
    return (_holder(ask) for ask in islice(asks, _SHOWN))


def _holder(ask: Ask, *, doubtful: bool = False) -> pb.Holder:
    permit = ask.permit
    return pb.Holder(
        execution_id=permit.execution_id,
        name=ask.name,
        item=max(0, permit.item) if permit.node >= 0 else 0,
        attempt=permit.attempt,
        doubtful=doubtful,
    )
