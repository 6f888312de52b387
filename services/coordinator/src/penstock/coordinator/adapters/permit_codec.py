"""Permits to and from their contract."""

from typing import assert_never

from penstock.api.limits.v1 import permit_service_pb2 as pb
from penstock.common.errors import InvalidArgument
from penstock.coordinator.limits.claims import GiveBack, Message
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
    PermitId,
    RateRule,
    Rule,
    SlotRule,
    Sync,
    Told,
    Verdict,
)

_ENDED = {None: pb.ENDED_UNSPECIFIED, False: pb.ENDED_WELL, True: pb.ENDED_BADLY}
_FAILED = {pb.ENDED_WELL: False, pb.ENDED_BADLY: True}


def permit_to_proto(permit: PermitId, message: pb.Permit) -> None:
    """Fill a message."""
    message.execution_id, message.node, message.item, message.attempt = permit


def permit_from_proto(message: pb.Permit) -> PermitId:
    """The permit of a message."""
    return PermitId(message.execution_id, message.node, message.item, message.attempt)


def ask_to_proto(ask: Ask, message: pb.Ask) -> None:
    """Fill a message."""
    permit_to_proto(ask.permit, message.permit)
    message.key = ask.key
    message.urgency = ask.urgency
    message.since_unix_us = ask.since_us
    message.epoch = ask.epoch
    message.name = ask.name
    rule = ask.rule
    match rule:
        case SlotRule():
            message.slots.limit, message.slots.on_full = rule.limit, rule.on_full
        case RateRule():
            message.rate.limit, message.rate.per_us = rule.limit, rule.per_us
        case BreakerRule():
            breaker = message.breaker
            breaker.failures, breaker.successes = rule.failures, rule.successes
            breaker.timeout_us, breaker.on_open = rule.timeout_us, rule.on_open
        case _:
            assert_never(rule)


def ask_from_proto(message: pb.Ask) -> Ask:
    """The ask of a message. Raises `InvalidArgument` if it has no rule."""
    return Ask(
        permit_from_proto(message.permit),
        message.key,
        _rule(message),
        message.urgency,
        message.since_unix_us,
        message.epoch,
        message.name,
    )


def _rule(message: pb.Ask) -> Rule:
    match message.WhichOneof("rule"):
        case "slots":
            slots = message.slots
            return SlotRule(slots.limit, slots.on_full)  # type: ignore[arg-type]
        case "rate":
            return RateRule(message.rate.limit, message.rate.per_us)
        case "breaker":
            breaker = message.breaker
            return BreakerRule(
                breaker.failures,
                breaker.successes,
                breaker.timeout_us,
                breaker.on_open,  # type: ignore[arg-type]
            )
    raise InvalidArgument("an ask for a permit without a rule", key=message.key)


def change_to_proto(change: Message, message: pb.Change) -> None:
    """Fill a message."""
    if isinstance(change, Ask):
        ask_to_proto(change, message.ask)
        return
    back = message.give_back
    permit_to_proto(change.permit, back.permit)
    back.key, back.epoch, back.ended = change.key, change.epoch, _ENDED[change.failed]


def change_from_proto(message: pb.Change) -> Message:
    """The change of a message."""
    if message.HasField("ask"):
        return ask_from_proto(message.ask)
    back = message.give_back
    return GiveBack(permit_from_proto(back.permit), back.key, back.epoch, _FAILED.get(back.ended))


def sync_to_proto(sync: Sync, message: pb.Sync) -> None:
    """Fill a message."""
    message.SetInParent()
    for number, (epoch, unsettled_us) in sync.shards.items():
        message.shards.add(shard=number, epoch=epoch, unsettled_us=unsettled_us)
    for number, epoch in sync.key_shards.items():
        message.key_shards.add(shard=number, epoch=epoch)
    for ask in sync.held:
        ask_to_proto(ask, message.held.add())
    for ask in sync.wanted:
        ask_to_proto(ask, message.wanted.add())


def sync_from_proto(message: pb.Sync) -> Sync:
    """All that a message says."""
    return Sync(
        {each.shard: (each.epoch, each.unsettled_us) for each in message.shards},
        {each.shard: each.epoch for each in message.key_shards},
        tuple(map(ask_from_proto, message.held)),
        tuple(map(ask_from_proto, message.wanted)),
    )


def told_to_proto(told: Told, message: pb.Answer) -> None:
    """Fill a message."""
    permit_to_proto(told.permit, message.permit)
    message.key, message.epoch = told.key, told.epoch
    message.verdict = int(told.verdict)  # type: ignore[assignment]


def told_from_proto(message: pb.Answer, who: str) -> Told:
    """The answer of a message, to `who`."""
    permit = permit_from_proto(message.permit)
    return Told(who, permit, message.key, Verdict(message.verdict), message.epoch)
