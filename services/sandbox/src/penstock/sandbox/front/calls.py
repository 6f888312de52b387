"""A call on its way through the front, and the stream it came from."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.common.rpc.streams import Outbox

if TYPE_CHECKING:
    from penstock.sandbox.front.jail import Jail

SANDBOX_TIMEOUT = "SANDBOX_TIMEOUT"
SANDBOX_MEMORY = "SANDBOX_MEMORY"
SANDBOX_CRASHED = "SANDBOX_CRASHED"


@dataclass(slots=True, eq=False)
class Stream:
    """One worker's stream: its scripts, its calls, and what goes back to it."""

    outbox: Outbox[sandbox_pb2.RunResponse] = field(default_factory=Outbox)
    scripts: dict[str, sandbox_pb2.Script] = field(default_factory=dict)
    in_flight: "dict[int, InFlight]" = field(default_factory=dict)
    is_ending: bool = False

    def forget(self, call_id: int) -> None:
        """A call has ended; the last one of a stream that sends no more closes it."""
        self.in_flight.pop(call_id, None)
        if self.is_ending and not self.in_flight:
            self.outbox.close()

    def end(self) -> None:
        """The worker sends no more; what is under way is still answered."""
        self.is_ending = True
        if not self.in_flight:
            self.outbox.close()


@dataclass(slots=True, eq=False)
class InFlight:
    """A call that is queued or in a jail. Inside the front it goes by its slot, unique in it."""

    slot: int
    stream: Stream
    call_id: int
    call: sandbox_pb2.Call
    wall_s: float
    memory_bytes: int
    jail: "Jail | None" = None
    host_calls: int = 0
    waiting_since: float = 0.0
    is_alone: bool = False
    is_dropped: bool = False
    reruns: int = 0


def failed(
    call: InFlight, error_class: payload_pb2.ErrorClass.ValueType, reason: str, message: str
) -> sandbox_pb2.RunResponse:
    """The response that ends a call because its jail was lost or stopped it."""
    failure = payload_pb2.Failure(error_class=error_class, reason=reason, message=message)
    result = sandbox_pb2.CallResult(call_id=call.call_id, jail_failure=failure)
    return sandbox_pb2.RunResponse(results=[result])


def refused(call_id: int, reason: str, message: str) -> sandbox_pb2.RunResponse:
    """The response to a call that was not run at all."""
    failure = payload_pb2.Failure(
        error_class=payload_pb2.ERROR_CLASS_TRANSIENT, reason=reason, message=message
    )
    result = sandbox_pb2.CallResult(
        call_id=call_id, steps=[sandbox_pb2.StepResult(failure=failure)]
    )
    return sandbox_pb2.RunResponse(results=[result])
