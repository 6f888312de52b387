"""A jail with the calls it carries. One request is under way at a time, so batches form."""

import time
from collections.abc import Callable, Iterable, Sequence

from google.protobuf.message import DecodeError

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.sandbox.frames import REPLY
from penstock.sandbox.front.calls import InFlight, Program, Stream, holder_of, learn
from penstock.sandbox.front.process import JailProcess

Told = sandbox_pb2.HostCall | sandbox_pb2.CallResult | sandbox_pb2.ResultBatch


class Jail:
    """Sends calls, answers and cancels into one jail process and delivers what it says.

    `in_flight` holds calls and batches by their first slots; `busy_until` is when the request that
    is under way is expected to be answered.
    """

    def __init__(self, process: JailProcess, on_free: Callable[["Jail"], None]) -> None:
        self.process = process
        self.tenant: str | None = None
        self.in_flight: dict[int, InFlight] = {}
        self.calls_taken = 0
        self.is_busy = False
        self.is_quarantine = False
        self.busy_since = 0.0
        self.busy_until = 0.0
        self._cpu_before_s = 0.0
        self.idle_since = time.monotonic()
        self._on_free = on_free
        self._scripts: dict[str, sandbox_pb2.Script] = {}
        self._programs: dict[Program, int] = {}
        self._answers: list[sandbox_pb2.HostResult] = []
        self._cancels: list[int] = []
        self._sent: Sequence[InFlight] = ()
        self._sent_cancels: list[int] = []
        process.listen(self._on_frame)

    @property
    def has_news(self) -> bool:
        """Whether answers or cancels wait to be sent."""
        return bool(self._answers or self._cancels)

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do and waits for nothing."""
        return not self.in_flight and not self.is_busy

    def spent_s(self) -> float:
        """Processor time that the request under way has taken so far."""
        return self.process.cpu_s() - self._cpu_before_s

    def answer(self, call: InFlight, result: sandbox_pb2.HostResult) -> None:
        """Queue the answer to a host call."""
        result.call_id = call.slot
        self._answers.append(result)

    def drop(self, item: InFlight) -> None:
        """Queue the cancel of what nobody waits for; it stays known until the jail saw it."""
        item.is_dropped = True
        self._cancels += [item.slot + place for place in item.left()]

    def drop_one(self, item: InFlight, place: int) -> None:
        """The same for one call of a batch."""
        item.cancelled.add(place)
        self._cancels.append(item.slot + place)

    def send(self, calls: Sequence[InFlight]) -> None:
        """Send these with everything that is queued. Only while not busy."""
        request = sandbox_pb2.RunRequest(host_results=self._answers, cancelled_calls=self._cancels)
        expected_us = 0.0
        for item in calls:
            call = item.call
            if isinstance(call, sandbox_pb2.Call):
                call.call_id = item.slot
                self._add_scripts(request, call.steps, item.stream)
                request.calls.append(call)
            elif item.program is not None:
                call.program_id = self._number(request, item.program, item.stream)
                call.first_slot = item.slot
                request.batches.append(call)
            item.jail = self
            item.waiting_since = 0.0
            self.in_flight[item.slot] = item
            self.calls_taken += item.count
            expected_us += item.count * item.pace.us
        self._sent, self._sent_cancels = calls, self._cancels
        self._answers, self._cancels = [], []
        self.is_busy = True
        self.busy_since = time.monotonic()
        self.busy_until = self.busy_since + expected_us / 1e6
        self._cpu_before_s = self.process.cpu_s()
        self.process.send(request.SerializeToString())

    def _number(self, request: sandbox_pb2.RunRequest, program: Program, stream: Stream) -> int:
        """The number by which this jail knows a program; told now if it does not. The one that was
        used longest ago makes room."""
        known = self._programs
        number = known.pop(program, -1)
        if number < 0:
            number = len(known)
            if number >= PROGRAMS_MAX:
                number = known.pop(next(iter(known)))
            self._add_scripts(request, program.message.steps, stream)
            request.programs.add().CopyFrom(program.message)
            request.programs[-1].program_id = number
        known[program] = number
        return number

    def _add_scripts(
        self,
        request: sandbox_pb2.RunRequest,
        steps: Iterable[sandbox_pb2.Step],
        stream: Stream,
    ) -> None:
        known = self._scripts
        for step in steps:
            script = stream.scripts.get(step.script_id)
            if script is None or known.get(step.script_id) is script:
                continue
            before = known.get(step.script_id)
            known[step.script_id] = script
            if before is None or (before.kind, before.source) != (script.kind, script.source):
                request.scripts.append(script)

    def _on_frame(self, kind: int, body: bytes) -> None:
        try:
            response = sandbox_pb2.RunResponse.FromString(body)
            cpu_us, response.cpu_us = response.cpu_us, 0
            self._deliver(response)
        except (DecodeError, KeyError):
            # A jail that speaks of calls it was never given is not to be trusted any more.
            self.process.kill()
            return
        if kind == REPLY:
            self._on_reply(cpu_us)
        self._on_free(self)

    def _on_reply(self, cpu_us: int) -> None:
        now = time.monotonic()
        self.is_busy = False
        self.idle_since = now
        learn(self._sent, cpu_us)
        for call in self._sent:
            call.waiting_since = now
        for slot in self._sent_cancels:
            item = holder_of(self.in_flight, slot)
            if item is not None:
                self._end(item, (slot - item.slot,))
        self._sent = ()

    def _end(self, item: InFlight, places: Iterable[int]) -> None:
        """Calls of `item` have ended."""
        if item.end(places):
            self.in_flight.pop(item.slot, None)
            item.stream.forget(item)

    def _deliver(self, response: sandbox_pb2.RunResponse) -> None:
        told: list[tuple[Told, InFlight]] = []
        for host_call in response.host_calls:
            item = self.in_flight[host_call.call_id]
            item.host_calls += 1
            host_call.call_id = item.id_at(0)
            told.append((host_call, item))
        for result in response.results:
            item = self._holder(result.call_id)
            place = result.call_id - item.slot
            result.call_id = item.id_at(place)
            told.append((result, item))
            self._end(item, (place,))
        for batch in response.batches:
            item = self.in_flight[batch.first_slot]
            told.append((batch, item))
            self._end(item, _places(item, batch))
        if told:
            _pass_on(response, told)

    def _holder(self, slot: int) -> InFlight:
        item = holder_of(self.in_flight, slot)
        if item is None:
            raise KeyError(slot)
        return item


def _places(item: InFlight, batch: sandbox_pb2.ResultBatch) -> Iterable[int]:
    """Which calls of a batch these are. Raises KeyError if the jail does not tell of what it was
    given."""
    call, program = item.call, item.program
    if program is None or isinstance(call, sandbox_pb2.Call):
        raise KeyError(batch.first_slot)
    count = len(batch.call_ids) * len(program.message.steps)
    if not len(batch.outputs_json) == len(batch.durations_us) == count:
        raise KeyError(batch.first_slot)
    batch.first_slot = 0
    if len(batch.call_ids) == item.count and batch.call_ids == call.call_ids:
        return range(item.count)
    place_of = item.places()
    return [place_of[call_id] for call_id in batch.call_ids]


def _pass_on(response: sandbox_pb2.RunResponse, told: Sequence[tuple[Told, InFlight]]) -> None:
    """Send what a jail told to the streams that wait for it."""
    streams = {item.stream for _, item in told}
    if len(streams) == 1 and not any(item.is_dropped for _, item in told):
        streams.pop().outbox.put(response)
        return
    for stream in streams:
        part = sandbox_pb2.RunResponse()
        for one, item in told:
            if item.stream is not stream or item.is_dropped:
                continue
            if isinstance(one, sandbox_pb2.HostCall):
                part.host_calls.append(one)
            elif isinstance(one, sandbox_pb2.CallResult):
                part.results.append(one)
            else:
                part.batches.append(one)
        stream.outbox.put(part)
