"""The jail's one loop: a frame in, a crossing into V8, a frame out; a timeout wakes sleepers."""

import mmap
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable

import msgspec

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.sandbox.frames import (
    HEAD,
    HELLO,
    MARKER,
    REPLY,
    REQUEST,
    WOKEN,
    frame,
)
from penstock.sandbox.jail.codec import Codec, Collected
from penstock.sandbox.jail.isolate import BadMessage, Isolate
from penstock.sandbox.jail.repair import place_syntax_errors, refuse_bad_json

_RECEIVED_AT_ONCE = 65536


class Link:
    """The jail's end of the socket; blocking."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._received = bytearray()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, kind: int, body: bytes) -> None:
        """Send one frame."""
        self._socket.sendall(frame(kind, body))

    def _has(self, count: int) -> None:
        """Wait until so many bytes are here."""
        while len(self._received) < count:
            got = self._socket.recv(max(_RECEIVED_AT_ONCE, count - len(self._received)))
            if not got:
                raise EOFError
            self._received += got

    def wait(self, timeout_ms: float) -> bool:
        """Wait until the front says something; False after `timeout_ms` (for ever if negative)."""
        if timeout_ms < 0 or self._received:
            return True  # `receive` waits just as well
        return bool(self._poll.poll(timeout_ms))

    def receive(self) -> bytes:
        """The body of the next request. Raises `EOFError` when the front is gone."""
        self._has(HEAD.size)
        length, kind = HEAD.unpack_from(self._received)
        if kind != REQUEST:
            raise EOFError
        end = HEAD.size + length
        self._has(end)
        body = bytes(self._received[HEAD.size : end])
        del self._received[:end]
        return body


class Jail:
    """One isolate behind one socket."""

    def __init__(self, isolate: Isolate, link: Link, shared: mmap.mmap) -> None:
        self._isolate = isolate
        self._link = link
        self._shared = shared
        self._codec = Codec()
        self._answers = 0
        self._sources: dict[str, sandbox_pb2.Script] = {}

    def show_marker(self) -> None:
        """Write into shared memory which call runs right now; the front asks by signal."""
        self._answers += 1
        slot, started_ms, is_sure = self._isolate.marker.cast("d")
        MARKER.pack_into(self._shared, 0, self._answers, slot, started_ms, is_sure)

    def hello(self, facts: dict[str, str]) -> None:
        """Tell the front that the jail is warm and how it is confined."""
        self._link.send(HELLO, msgspec.json.encode(facts))

    def serve(self) -> None:
        """Serve until the front goes away."""
        wait_ms = -1.0
        while True:
            if not self._link.wait(wait_ms):
                wait_ms = self._turn(WOKEN, lambda: self._cross([]))
                continue
            body = self._link.receive()
            wait_ms = self._turn(REPLY, lambda: self._take(body))  # noqa: B023 - runs now

    def _take(self, body: bytes) -> tuple[Collected, sandbox_pb2.RunResponse]:
        request = sandbox_pb2.RunRequest.FromString(body)
        for script in request.scripts:
            self._sources[script.script_id] = script
        try:
            crossed = self._cross(self._codec.messages(request))
        except BadMessage:
            request = sandbox_pb2.RunRequest.FromString(body)
            self._codec.take_batches_apart(request)
            refused = refuse_bad_json(request)
            collected, response = self._cross(self._codec.messages(request))
            response.results.extend(refused)
            crossed = collected, response
        for slot in request.cancelled_calls:
            self._codec.end_cancelled(slot)
        return crossed

    def _cross(self, messages: list[bytes]) -> tuple[Collected, sandbox_pb2.RunResponse]:
        try:
            text = b"[%b]" % b",".join([b"%d" % len(messages), *messages])
            began, began_cpu = time.perf_counter_ns(), time.process_time_ns()
            answer = self._isolate.cross(text.decode())
            crossing_us = (time.perf_counter_ns() - began) // 1000
            cpu_us = (time.process_time_ns() - began_cpu) // 1000
        except UnicodeDecodeError as error:
            raise BadMessage(str(error)) from error
        collected = self._codec.decode(answer)
        response = self._codec.response(collected, crossing_us)
        response.cpu_us = cpu_us
        place_syntax_errors(response, self._isolate, self._sources)
        return collected, response

    def _turn(
        self, kind: int, cross: Callable[[], tuple[Collected, sandbox_pb2.RunResponse]]
    ) -> float:
        collected, response = cross()
        if kind == REPLY or response.results or response.host_calls or response.batches:
            self._link.send(kind, response.SerializeToString())
        return collected.wait_ms


def answer_marker_signal(jail: Jail) -> None:
    """Let SIGUSR1 show the marker, also while V8 runs.

    The main thread waits for V8 then and runs no handlers; but what a signal writes into a pipe is
    read by a thread that does nothing else.
    """
    asked, asking = os.pipe()
    os.set_blocking(asking, False)
    signal.set_wakeup_fd(asking, warn_on_full_buffer=False)
    signal.signal(signal.SIGUSR1, lambda *_: None)

    def answer() -> None:
        while os.read(asked, 64):
            jail.show_marker()

    threading.Thread(target=answer, daemon=True).start()
