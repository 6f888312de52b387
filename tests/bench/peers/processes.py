"""Processes of peers: started with a log, counted, and stopped by number."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.peers.peer import WentWrong

START_S = 180.0
STOP_S = 10.0
TAIL = 800
LINE_BYTES = 64 * 2**20
"""An answer lists every latency of a loop."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start."""

    argv: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None


def tail(log: Path) -> str:
    """The last of what a process has printed, on one line."""
    return " ".join(log.read_text(errors="replace")[-TAIL:].split())


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds used so far by these processes and all below them."""
    used = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    # What ended children used is kept by the parent that waited for them.
                    used += sum(process.cpu_times()[:4])
    return used


def own_cpu_seconds() -> float:
    """CPU seconds used by this process alone."""
    times = os.times()
    return times.user + times.system


def free_ports(count: int) -> list[int]:
    """Different ports nobody listens on."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


async def stop(process: asyncio.subprocess.Process) -> None:
    """SIGTERM; what is left of it and of what it started after a while is killed, by number."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    for left in below:
        with suppress(psutil.NoSuchProcess):
            left.kill()  # psutil knows a number that was given to another process meanwhile


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with pipes for stdin and stdout; stderr goes to its log."""
    with program.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env={**os.environ, **program.env},
            cwd=program.cwd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=LINE_BYTES,
        )
    try:
        yield process
    finally:
        await stop(process)


@asynccontextmanager
async def serving(program: Program, port: int) -> AsyncIterator[int]:
    """A server that has begun to listen on `port`; yields its process number."""
    with program.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env={**os.environ, **program.env},
            cwd=program.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await wait_until_listening(process, port, program)
        yield process.pid
    finally:
        await stop(process)


async def wait_until_listening(
    process: asyncio.subprocess.Process, port: int, program: Program
) -> None:
    """Return once `port` accepts connections. Raises `WentWrong`."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.returncode is not None:
            raise WentWrong(f"{program.argv[0]} ended at once: {tail(program.log)}")
        with suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise WentWrong(f"{program.argv[0]} does not listen: {tail(program.log)}")
