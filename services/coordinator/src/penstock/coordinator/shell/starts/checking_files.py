"""Checking workflow files: one at a time, beside the loop, and a bounded number in line.

A large file takes a second of Python, which takes turns with the loop for as long as it runs; many
at once would leave the loop, and with it every start, a small part of the time. So there is one
thread for them, and who comes when the line is full is asked to come again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from penstock.common.errors import LimitExceeded

Result = TypeVar("Result")

WAITING_MAX = 100
WAITING_CHARS_MAX = 16 * 1024 * 1024
"""Of all files in line: each may have 1 MiB."""
RETRY_AFTER_S = 2


class FileChecks:
    """The line and its thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "check")
        self._waiting = 0
        self._chars = 0

    @property
    def waiting(self) -> int:
        """How many are in line or at work."""
        return self._waiting

    async def run(self, check: Callable[[str], Result], source: str) -> Result:
        """Check a file in its turn. Raises `LimitExceeded` if the line is full."""
        size = len(source)
        if self._waiting and (
            self._waiting >= WAITING_MAX or self._chars + size > WAITING_CHARS_MAX
        ):
            raise LimitExceeded(
                f"{self._waiting} workflow files wait to be checked; that is as many as can",
                fix=f"Try again in {RETRY_AFTER_S} s.",
                waiting=self._waiting,
                retry_after_s=RETRY_AFTER_S,
            )
        self._waiting += 1
        self._chars += size
        working = asyncio.get_running_loop().run_in_executor(self._thread, check, source)
        working.add_done_callback(lambda _: self._leave(size))
        return await working

    def _leave(self, size: int) -> None:
        self._waiting -= 1
        self._chars -= size

    def close(self) -> None:
        """Take no more; what is in line is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
