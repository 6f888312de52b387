"""Calls on their way through the front, alone or many of one program, and the stream they came
from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.common.rpc.streams import Outbox
from penstock.sandbox.batches import call_at, cut, part_of

if TYPE_CHECKING:
    from penstock.sandbox.front.jail import Jail

SANDBOX_TIMEOUT = "SANDBOX_TIMEOUT"
SANDBOX_MEMORY = "SANDBOX_MEMORY"
SANDBOX_CRASHED = "SANDBOX_CRASHED"

_UNKNOWN_US = 250.0
_CROSSING_US = 100.0
_WEIGHT = 0.3


@dataclass(slots=True)
class Slots:
    """Numbers for calls within the front; none is given twice."""

    following: int = 1

    def take(self, count: int) -> int:
        """The first of so many in a row."""
        first = self.following
        self.following += count
        return first


@dataclass(slots=True, eq=False)
class Pace:
    """How much processor time a call of one kind takes, in microseconds, as far as was seen."""

    us: float = _UNKNOWN_US
    is_known: bool = False

    def learn(self, us: float) -> None:
        """A crossing showed this much per call."""
        self.us = max(1.0, self.us + (us - self.us) * _WEIGHT if self.is_known else us)
        self.is_known = True


@dataclass(slots=True, eq=False)
class Program:
    """A program as its stream told it, with its limits as they hold here."""

    message: sandbox_pb2.Program
    wall_s: float
    memory_bytes: int
    pace: Pace = field(default_factory=Pace)


@dataclass(slots=True, eq=False)
class Stream:
    """One worker's stream: its scripts, its programs, its calls, and what goes back to it."""

    outbox: Outbox[sandbox_pb2.RunResponse] = field(default_factory=Outbox)
    scripts: dict[str, sandbox_pb2.Script] = field(default_factory=dict)
    programs: dict[int, Program] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    in_flight: "dict[int, InFlight]" = field(default_factory=dict)
    batches: "dict[int, InFlight]" = field(default_factory=dict)
    is_ending: bool = False

    def pace_of(self, call: sandbox_pb2.Call) -> Pace:
        """The pace of calls like this one."""
        kind = call.steps[0].script_id if call.steps else ""
        return self.paces.setdefault(kind, Pace())

    def forget(self, item: "InFlight") -> None:
        """A call has ended, or all of a batch; the last one of a stream that sends no more closes
        it."""
        if item.program is None:
            self.in_flight.pop(item.call_id, None)
        else:
            self.batches.pop(item.slot, None)
        if self.is_ending:
            self.end()

    def end(self) -> None:
        """The worker sends no more; what is under way is still answered."""
        self.is_ending = True
        if not self.in_flight and not self.batches:
            self.outbox.close()


@dataclass(slots=True, eq=False)
class InFlight:
    """A call, or a batch of one program, that is queued or in a jail.

    Inside the front calls go by slots, unique in it; those of a batch follow one another. `ended`
    are the places of a batch whose calls have ended while others have not, `cancelled` those that
    nobody waits for.
    """

    slot: int
    stream: Stream
    call_id: int
    call: sandbox_pb2.Call | sandbox_pb2.CallBatch
    wall_s: float
    memory_bytes: int
    program: Program | None = None
    count: int = 1
    pace: Pace = field(default_factory=Pace)
    jail: "Jail | None" = None
    host_calls: int = 0
    since: float = 0.0
    waiting_since: float = 0.0
    is_alone: bool = False
    is_dropped: bool = False
    reruns: int = 0
    ended: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)
    known_places: dict[int, int] | None = None

    def __post_init__(self) -> None:
        """Make the stream know it."""
        if self.program is None:
            self.stream.in_flight[self.call_id] = self
        else:
            self.stream.batches[self.slot] = self

    def id_at(self, place: int) -> int:
        """The stream's own id of the call at a place."""
        if isinstance(self.call, sandbox_pb2.Call):
            return self.call_id
        return self.call.call_ids[place]

    def place_of(self, call_id: int) -> int:
        """Where a call is in a batch; -1 if it is not."""
        if isinstance(self.call, sandbox_pb2.Call):
            return -1
        return self.places().get(call_id, -1)

    def places(self) -> Mapping[int, int]:
        """The places of a batch's calls by the stream's own ids, worked out once: those of calls
        that sleep come back a few at a time."""
        if self.known_places is None:
            assert isinstance(self.call, sandbox_pb2.CallBatch)
            ids = self.call.call_ids
            self.known_places = {call_id: place for place, call_id in enumerate(ids)}
        return self.known_places

    def left(self) -> list[int]:
        """Places of the calls that have not ended and that somebody waits for."""
        gone = self.ended | self.cancelled
        return [place for place in range(self.count) if place not in gone]

    def end(self, places: Iterable[int]) -> bool:
        """These calls have ended; True if none is left."""
        self.ended.update(places)
        return len(self.ended) >= self.count

    def traces(self) -> set[str]:
        """The traces of the calls."""
        if isinstance(self.call, sandbox_pb2.Call):
            return {self.call.traceparent} - {""}
        return set(self.call.traceparents) - {""}

    def head(self, count: int) -> "InFlight":
        """Take the first calls of a batch out of it."""
        assert self.program is not None
        assert isinstance(self.call, sandbox_pb2.CallBatch)
        first, self.slot = self.slot, self.slot + count
        self.count -= count
        self.known_places = None
        self.stream.batches[self.slot] = self
        batch = cut(self.program.message, self.call, count)
        made = self._with(first, batch, count)
        made.cancelled = {place for place in self.cancelled if place < count}
        self.cancelled = {place - count for place in self.cancelled if place >= count}
        return made

    def without_cancelled(self) -> "InFlight | None":
        """The batch without calls that nobody waits for; None if that is nothing."""
        if not self.cancelled:
            return self
        assert self.program is not None
        assert isinstance(self.call, sandbox_pb2.CallBatch)
        left = self.left()
        if not left:
            self.stream.forget(self)
            return None
        return self._with(self.slot, part_of(self.program.message, self.call, left), len(left))

    def _with(self, slot: int, batch: sandbox_pb2.CallBatch, count: int) -> "InFlight":
        return InFlight(
            slot,
            self.stream,
            0,
            batch,
            self.wall_s,
            self.memory_bytes,
            self.program,
            count,
            self.pace,
            since=self.since,
        )

    def apart(self) -> "Iterator[InFlight]":
        """The calls that are left, each on its own under its slot."""
        if isinstance(self.call, sandbox_pb2.Call) or self.program is None:
            yield self
            return
        self.stream.batches.pop(self.slot, None)
        for place in self.left():
            call_id = self.call.call_ids[place]
            call = call_at(self.program.message, self.call, place)
            yield InFlight(
                self.slot + place,
                self.stream,
                call_id,
                call,
                self.wall_s,
                self.memory_bytes,
                pace=self.pace,
                since=self.since,
            )


def holder_of(in_flight: Mapping[int, InFlight], slot: int) -> InFlight | None:
    """What a slot belongs to, among calls and batches by their first slots."""
    found = in_flight.get(slot)
    if found is not None:
        return found
    for item in in_flight.values():
        if item.slot <= slot < item.slot + item.count:
            return item
    return None


def learn(sent: Iterable[InFlight], cpu_us: float) -> None:
    """A request with these took so much processor time: what that says of each kind of call."""
    items = list(sent)
    expected = sum([item.count * item.pace.us for item in items])
    if not expected:
        return
    factor = max(cpu_us - _CROSSING_US, 1.0) / expected
    for pace, us in {item.pace: item.pace.us * factor for item in items}.items():
        pace.learn(us)


def failed(
    item: InFlight,
    place: int,
    error_class: payload_pb2.ErrorClass.ValueType,
    reason: str,
    message: str,
) -> sandbox_pb2.RunResponse:
    """The response that ends a call because its jail was lost or stopped it."""
    failure = payload_pb2.Failure(error_class=error_class, reason=reason, message=message)
    result = sandbox_pb2.CallResult(call_id=item.id_at(place), jail_failure=failure)
    return sandbox_pb2.RunResponse(results=[result])


def refused(
    call_ids: Iterable[int],
    reason: str,
    message: str,
    error_class: payload_pb2.ErrorClass.ValueType = payload_pb2.ERROR_CLASS_TRANSIENT,
) -> sandbox_pb2.RunResponse:
    """The response to calls that were not run at all."""
    failure = payload_pb2.Failure(error_class=error_class, reason=reason, message=message)
    step = sandbox_pb2.StepResult(failure=failure)
    return sandbox_pb2.RunResponse(
        results=[sandbox_pb2.CallResult(call_id=call_id, steps=[step]) for call_id in call_ids]
    )
