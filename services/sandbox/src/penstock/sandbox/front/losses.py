"""What becomes of the calls of a jail that died.

The guilty call fails with the reason. Another one that had asked the host for nothing is run again
as if nothing had happened: it was pure so far. One that had asked the host fails with
SANDBOX_CRASHED, class system: its effects may have happened, so whoever sent it decides. If nobody
knows the guilty one, each suspect is run again alone in a jail; whose jail dies again is it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.api.payload.v1 import payload_pb2
from penstock.sandbox.front.calls import (
    SANDBOX_CRASHED,
    SANDBOX_MEMORY,
    SANDBOX_TIMEOUT,
    InFlight,
    failed,
)
from penstock.sandbox.front.jail import Jail

RERUNS_MAX = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a jail was lost. `slot` is the guilty call, 0 if unknown; unless `is_sure`, a guess."""

    reason: str
    message: str
    slot: int = 0
    is_sure: bool = False

    @classmethod
    def of_death(cls, jail: Jail) -> "Verdict":
        """The verdict on a jail that was not condemned by the front."""
        if jail.process.ran_out_of_memory():
            return cls(SANDBOX_MEMORY, "The code used more memory than allowed.")
        return cls(SANDBOX_CRASHED, "The jail process died.")


def _class_of(reason: str) -> payload_pb2.ErrorClass.ValueType:
    if reason == SANDBOX_CRASHED:
        return payload_pb2.ERROR_CLASS_SYSTEM
    return payload_pb2.ERROR_CLASS_USER


def _fail(
    call: InFlight, error_class: payload_pb2.ErrorClass.ValueType, reason: str, message: str
) -> None:
    for place in call.left():
        call.stream.outbox.put(failed(call, place, error_class, reason, message))
    call.stream.forget(call)


def sort_out(jail: Jail, verdict: Verdict) -> Iterator[InFlight]:
    """Fail what must fail; yield the calls to be run again, batches taken apart."""
    items = [item for item in jail.in_flight.values() if not item.is_dropped]
    jail.in_flight.clear()
    calls = [call for item in items for call in item.apart()]
    is_only_one = len(calls) == 1
    for call in calls:
        is_named = call.slot == verdict.slot and (verdict.is_sure or call.host_calls > 0)
        if is_named or is_only_one or call.reruns >= RERUNS_MAX:
            _fail(call, _class_of(verdict.reason), verdict.reason, verdict.message)
        elif call.host_calls > 0:
            _fail(
                call,
                payload_pb2.ERROR_CLASS_SYSTEM,
                SANDBOX_CRASHED,
                "The jail was lost to another call after this one had asked the host.",
            )
        else:
            call.jail = None
            call.reruns += 1
            call.is_alone = not verdict.is_sure or call.reruns == RERUNS_MAX
            yield call


def expire(call: InFlight) -> None:
    """Fail a call that has waited for the host or a timer beyond its limit; its jail lives on."""
    _fail(
        call,
        payload_pb2.ERROR_CLASS_TRANSIENT,
        SANDBOX_TIMEOUT,
        f"The code waited longer than {call.wall_s:g} s.",
    )


__all__ = ["SANDBOX_MEMORY", "SANDBOX_TIMEOUT", "Verdict", "expire", "sort_out"]
