"""A jail with the calls it carries. One request is under way at a time, so batches form."""

import time
from collections.abc import Callable, Sequence

from google.protobuf.message import DecodeError

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.sandbox.frames import REPLY
from penstock.sandbox.front.calls import InFlight, Stream
from penstock.sandbox.front.process import JailProcess


class Jail:
    """Sends calls, answers and cancels into one jail process and delivers what it says."""

    def __init__(self, process: JailProcess, on_free: Callable[["Jail"], None]) -> None:
        self.process = process
        self.tenant: str | None = None
        self.in_flight: dict[int, InFlight] = {}
        self.calls_taken = 0
        self.is_busy = False
        self.is_quarantine = False
        self.busy_since = 0.0
        self.idle_since = time.monotonic()
        self._on_free = on_free
        self._scripts: dict[str, sandbox_pb2.Script] = {}
        self._answers: list[sandbox_pb2.HostResult] = []
        self._cancels: list[int] = []
        self._sent: Sequence[InFlight] = ()
        self._sent_cancels: list[int] = []
        process.listen(self._on_frame)

    @property
    def has_news(self) -> bool:
        """Whether answers or cancels wait to be sent."""
        return bool(self._answers or self._cancels)

    def answer(self, call: InFlight, result: sandbox_pb2.HostResult) -> None:
        """Queue the answer to a host call."""
        result.call_id = call.slot
        self._answers.append(result)

    def drop(self, call: InFlight) -> None:
        """Queue the cancel of a call nobody waits for; it stays known until the jail saw it."""
        call.is_dropped = True
        self._cancels.append(call.slot)

    def send(self, calls: Sequence[InFlight]) -> None:
        """Send these calls with everything that is queued. Only while not busy."""
        request = sandbox_pb2.RunRequest(host_results=self._answers, cancelled_calls=self._cancels)
        for item in calls:
            call = item.call
            call.call_id = item.slot
            self._add_scripts(request, call, item.stream)
            request.calls.append(call)
            item.jail = self
            item.waiting_since = 0.0
            self.in_flight[item.slot] = item
        self._sent, self._sent_cancels = calls, self._cancels
        self._answers, self._cancels = [], []
        self.calls_taken += len(calls)
        self.is_busy = True
        self.busy_since = time.monotonic()
        self.process.send(request.SerializeToString())

    def _add_scripts(
        self, request: sandbox_pb2.RunRequest, call: sandbox_pb2.Call, stream: Stream
    ) -> None:
        known = self._scripts
        for step in call.steps:
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
            self._deliver(response)
        except (DecodeError, KeyError):
            # A jail that speaks of calls it was never given is not to be trusted any more.
            self.process.kill()
            return
        if kind == REPLY:
            now = time.monotonic()
            self.is_busy = False
            self.idle_since = now
            for call in self._sent:
                call.waiting_since = now
            for slot in self._sent_cancels:
                self.in_flight.pop(slot, None)
            self._sent = ()
        self._on_free(self)

    def _deliver(self, response: sandbox_pb2.RunResponse) -> None:
        streams: dict[Stream, None] = {}
        dropped = False
        owners: dict[int, InFlight] = {}
        for host_call in response.host_calls:
            call = owners[host_call.call_id] = self.in_flight[host_call.call_id]
            call.host_calls += 1
            streams[call.stream] = None
            dropped |= call.is_dropped
        for result in response.results:
            call = owners[result.call_id] = self.in_flight.pop(result.call_id)
            streams[call.stream] = None
            dropped |= call.is_dropped
        if len(streams) == 1 and not dropped:
            _put(next(iter(streams)), response, owners)
            return
        for stream in streams:
            mine = {
                slot: call
                for slot, call in owners.items()
                if call.stream is stream and not call.is_dropped
            }
            part = sandbox_pb2.RunResponse(
                results=[item for item in response.results if item.call_id in mine],
                host_calls=[item for item in response.host_calls if item.call_id in mine],
            )
            _put(stream, part, mine)


def _put(stream: Stream, response: sandbox_pb2.RunResponse, owners: dict[int, InFlight]) -> None:
    """Send a response on, with the stream's own call ids in the place of slots."""
    for host_call in response.host_calls:
        host_call.call_id = owners[host_call.call_id].call_id
    ended = []
    for result in response.results:
        result.call_id = owners[result.call_id].call_id
        ended.append(result.call_id)
    stream.outbox.put(response)
    for call_id in ended:
        stream.forget(call_id)
