"""Keeps programs running: starts them, watches them, starts them again when they die, stops them in
order.

One task per program. A program that dies is started again after a back-off that doubles up to ten
seconds and starts over once the program has lived a while; before that, what is left of its process
group is killed, so no child outlives its parent. Only `stop` ends the loop.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from penstock.embedded.errors import ClusterStartFailed
from penstock.embedded.program import Program, launch_arguments, tail

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 10.0
_GOOD_LIFE_S = 10.0
_PROBE_EVERY_S = 0.03
_CRASHES_AT_START_MAX = 5
_BAD_SETTINGS = 2
_LOG_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProcessNews:
    """Something a person at the terminal wants to know about a process.

    `kind` is one of started, ready, died, stopping, stopped, killed.
    """

    kind: str
    name: str
    pid: int = 0
    detail: str = ""


class Supervised:
    """One program and its current process."""

    def __init__(self, program: Program, tell: Callable[[ProcessNews], None]) -> None:
        self.program = program
        self.restarts = 0
        self.failure: ClusterStartFailed | None = None
        self.ended = asyncio.Event()
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._was_ready = False
        self._doomed = 0

    @property
    def pid(self) -> int:
        """Number of the current process; 0 between two lives and once it was killed."""
        process = self._process
        if process is None or process.returncode is not None or process.pid == self._doomed:
            return 0
        return process.pid

    async def run(self, on_change: Callable[[], None]) -> None:
        """Keep the program running until `stop`; `on_change` hears of every new process."""
        delay = _FIRST_DELAY_S
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                born = loop.time()
                code = await self._live_once(on_change)
                if self._stopping.is_set() or self._give_up(code):
                    break
                delay = _FIRST_DELAY_S if loop.time() - born > _GOOD_LIFE_S else delay
                self._tell(ProcessNews("died", self.program.name, detail=_how(code, delay)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._stopping.wait()
                delay = min(delay * 2, _LONGEST_DELAY_S)
                self.restarts += 1
        finally:
            self.ended.set()

    async def _live_once(self, on_change: Callable[[], None]) -> int:
        with _open_log(self.program) as log:
            process = await asyncio.create_subprocess_exec(
                *launch_arguments(
                    self.program.command, self.program.stop_signal, self.program.account
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.program.environment},
                start_new_session=True,
            )
        self._process = process
        on_change()
        self._tell(ProcessNews("started", self.program.name, process.pid))
        try:
            return await process.wait()
        except asyncio.CancelledError:
            _kill_group(process.pid)
            await process.wait()
            raise
        finally:
            _kill_group(process.pid)

    def _give_up(self, code: int) -> bool:
        """While the cluster starts, a program that keeps crashing or has bad settings ends the
        attempt; a cluster that was up once never gives up."""
        if self._was_ready:
            return False
        if code != _BAD_SETTINGS and self.restarts < _CRASHES_AT_START_MAX:
            return False
        self.failure = ClusterStartFailed(
            f"{self.program.name} does not start (exit code {code}):\n{tail(self.program.log)}",
            fix=f"The whole log is in {self.program.log}.",
        )
        return True

    async def missing(self) -> str:
        """Empty once the program serves, else what is missing. Raises `ClusterStartFailed` if it
        gave up."""
        if self.failure is not None:
            raise self.failure
        pid = self.pid
        lack = await self.program.probe(pid) if pid else "not running"
        if lack or pid != self.pid:
            return lack or "just died"
        if not self._was_ready:
            self._was_ready = True
            self._tell(ProcessNews("ready", self.program.name, pid))
        return ""

    async def stop(self) -> None:
        """Ask the process to end, kill it when it takes too long, and don't start it again."""
        self._stopping.set()
        pid = self.pid
        if pid:
            self._tell(ProcessNews("stopping", self.program.name, pid))
            _signal(pid, self.program.stop_signal)
            _signal(pid, signal.SIGCONT)
        try:
            async with asyncio.timeout(self.program.stop_timeout_s):
                await self.ended.wait()
        except TimeoutError:
            self._tell(ProcessNews("killed", self.program.name, pid, "did not stop in time"))
            _kill_group(pid)
            await self.ended.wait()
        self._tell(ProcessNews("stopped", self.program.name, pid))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the current process."""
        pid = self.pid
        if not pid:
            return
        if number is signal.SIGKILL:
            self._doomed = pid
        _signal(pid, number)


async def wait_until_ready(parts: Sequence[Supervised], timeout_s: float) -> None:
    """Wait until all serve. Raises `ClusterStartFailed` if one gave up or the time is over."""
    lacks = {part.program.name: "starting" for part in parts}
    try:
        async with asyncio.timeout(timeout_s):
            while lacks:
                for part in parts:
                    if part.program.name not in lacks:
                        continue
                    lacks[part.program.name] = lack = await part.missing()
                    if not lack:
                        del lacks[part.program.name]
                if lacks:
                    await asyncio.sleep(_PROBE_EVERY_S)
    except TimeoutError:
        told = ", ".join(f"{name} ({lack})" for name, lack in lacks.items())
        first = next(part.program for part in parts if part.program.name in lacks)
        raise ClusterStartFailed(
            f"not ready after {timeout_s:.0f} s: {told}\n{tail(first.log)}",
            fix=f"The logs are in {first.log.parent}.",
        ) from None


async def stop_in_order(supervised: Mapping[str, Supervised]) -> None:
    """Stop all, stage by stage: who depends on others goes first."""
    for stage in sorted({each.program.stop_stage for each in supervised.values()}):
        async with asyncio.TaskGroup() as group:
            for each in supervised.values():
                if each.program.stop_stage == stage:
                    group.create_task(each.stop())


def _how(code: int, delay: float) -> str:
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"{cause}; starting it again in {delay:.1f} s"


def _open_log(program: Program) -> BinaryIO:
    program.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if program.log.exists() and program.log.stat().st_size > _LOG_BYTES_MAX:
        program.log.replace(program.log.with_suffix(".log.1"))
    return program.log.open("ab", buffering=0)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_group(pid: int) -> None:
    """Kill what is left of a process group; its leader may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
