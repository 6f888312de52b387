"""One jail process as the front holds it: frames to and from it, its size, its marker, its end."""

import asyncio
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import msgspec

from penstock.sandbox.frames import (
    FRAME_BYTES_MAX,
    HEAD,
    HELLO,
    MARKER,
    MARKER_BYTES,
    REQUEST,
    frame,
)
from penstock.sandbox.settings import Settings

START_TIMEOUT_S = 20.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MARKER_WAIT_S = 0.05
_MARKER_STEP_S = 0.001
_STDERR_BYTES_MAX = 65536
_RESERVE_MB = 64
_CPU_CLOCK = 2
"""Makes a clock of a process id, as `clock_getcpuclockid` of the C library does."""


class JailNotStarted(Exception):
    """A jail process did not come up; the text says why."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Who runs: a slot of the front (0: nobody), since when by the jail's clock, and how surely."""

    slot: int
    started_ms: float
    is_sure: bool


class _Frames(asyncio.Protocol):
    """Cuts the jail's byte stream into frames."""

    def __init__(self) -> None:
        self.on_frame: Callable[[int, bytes], None] = lambda kind, body: None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= HEAD.size:
            length, kind = HEAD.unpack_from(buffer, at)
            if length > FRAME_BYTES_MAX:
                self.closed.get_loop().call_soon(self.connection_lost, None)
                return
            end = at + HEAD.size + length
            if len(buffer) < end:
                break
            body = bytes(memoryview(buffer)[at + HEAD.size : end])
            at = end
            self.on_frame(kind, body)
        del buffer[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class JailProcess:
    """A jail process that has said hello."""

    def __init__(
        self, process: "Popen[bytes]", transport: Any, frames: _Frames, shared: mmap.mmap
    ) -> None:
        self._process = process
        self._transport = transport
        self._frames = frames
        self._shared = shared
        self._pidfd = os.pidfd_open(process.pid)
        self._statm = os.open(f"/proc/{process.pid}/statm", os.O_RDONLY)
        self.pid = process.pid
        self._cpu_clock = ~process.pid << 3 | _CPU_CLOCK
        self.confinement: dict[str, str] = {}
        self.idle_bytes = 0
        self.last_words = b""

    def listen(self, on_frame: Callable[[int, bytes], None]) -> None:
        """Hand every further frame to `on_frame(kind, body)`."""
        self._frames.on_frame = on_frame

    def send(self, body: bytes) -> None:
        """Send one request."""
        self._transport.write(frame(REQUEST, body))

    def resident_bytes(self) -> int:
        """How much memory the process holds now; 0 if it is gone."""
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def cpu_s(self) -> float:
        """Processor time that the process has taken so far; 0 if it is gone."""
        try:
            return time.clock_gettime(self._cpu_clock)
        except OSError:
            return 0.0

    async def ask_marker(self) -> Marker | None:
        """Ask the jail who runs; None if it does not answer: a jail that is well does."""
        before = MARKER.unpack_from(self._shared)[0]
        if not self._signal(signal.SIGUSR1):
            return None
        for _ in range(int(_MARKER_WAIT_S / _MARKER_STEP_S)):
            await asyncio.sleep(_MARKER_STEP_S)
            if MARKER.unpack_from(self._shared)[0] != before:
                return self.last_marker()
        return None

    def last_marker(self) -> Marker | None:
        """What the jail wrote last; None if it never did."""
        count, slot, started_ms, is_sure = MARKER.unpack_from(self._shared)
        return Marker(int(slot), started_ms, bool(is_sure)) if count else None

    def kill(self) -> None:
        """End the process now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> bool:
        """Signal the process by its pidfd, which can never mean another one."""
        if self._pidfd < 0:
            return False
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return False
        return True

    async def wait_ended(self) -> None:
        """Wait until the process is gone, and give its resources back."""
        await self._frames.closed
        self.kill()
        await _readable(self._pidfd)
        self._process.wait()
        self.last_words = _what_is_left(self._process)
        self._transport.close()
        os.close(self._statm)
        os.close(self._pidfd)
        self._pidfd = -1

    def ran_out_of_memory(self) -> bool:
        """Whether it ended by a limit on memory: V8 ran out of it, or was stopped in what it did,
        which happens at the limit of its heap only."""
        words = self.last_words.lower()
        return b"out of memory" in words or b"empty maybelocal" in words


def _command(settings: Settings, socket_fd: int, marker_fd: int) -> list[str]:
    values = {
        "--socket-fd": socket_fd,
        "--marker-fd": marker_fd,
        "--ses": settings.ses_bundle(),
        "--heap-mb": settings.memory_mb,
        "--data-mb": 2 * settings.memory_mb + _RESERVE_MB,
        "--front-pid": os.getpid(),
    }
    options = [str(part) for pair in values.items() for part in pair]
    return [sys.executable, "-I", "-m", "penstock.sandbox.jail", *options]


def _spawn(command: list[str], *descriptors: int) -> "Popen[bytes]":
    """Start a process with these descriptors and nothing else of ours.

    `Popen` uses vfork, which neither copies the front's page tables nor runs grpc's fork handlers.
    """
    return Popen(
        command,
        pass_fds=descriptors,
        env={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )


async def _readable(descriptor: int) -> None:
    """Wait until a descriptor is readable; a pidfd is when its process has ended."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _what_is_left(process: "Popen[bytes]") -> bytes:
    """What a process that is gone left in its stderr pipe."""
    if process.stderr is None:
        return b""
    with process.stderr as stderr:
        os.set_blocking(stderr.fileno(), False)
        return stderr.read(_STDERR_BYTES_MAX) or b""


async def start_jail(settings: Settings) -> JailProcess:
    """Start a jail and wait for its hello. Raises `JailNotStarted`."""
    ours, theirs = socket.socketpair()
    marker_fd = os.memfd_create("penstock-marker", os.MFD_CLOEXEC)
    os.ftruncate(marker_fd, MARKER_BYTES)
    shared = mmap.mmap(marker_fd, MARKER_BYTES)
    try:
        process = _spawn(_command(settings, theirs.fileno(), marker_fd), theirs.fileno(), marker_fd)
    finally:
        theirs.close()
        os.close(marker_fd)
    loop = asyncio.get_running_loop()
    transport, frames = await loop.create_unix_connection(_Frames, sock=ours)
    jail = JailProcess(process, transport, frames, shared)
    try:
        jail.confinement = await _wait_hello(jail, frames)
    except BaseException:
        jail.kill()
        await jail.wait_ended()
        raise
    jail.idle_bytes = jail.resident_bytes()
    return jail


async def _wait_hello(jail: JailProcess, frames: _Frames) -> dict[str, str]:
    hello: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    frames.on_frame = lambda kind, body: hello.set_result(body) if kind == HELLO else None
    async with asyncio.timeout(START_TIMEOUT_S):
        waited: set[asyncio.Future[Any]] = {hello, frames.closed}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not hello.done():
        jail.kill()
        await jail.wait_ended()
        raise JailNotStarted(jail.last_words.decode(errors="replace")[-2000:])
    return msgspec.json.decode(hello.result(), type=dict[str, str])
