"""Waiting for PostgreSQL at start: tries and log lines at growing distance."""

import asyncio

from penstock.common.logging import get_logger

PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 5.0
_TELL_EVERY = 64
"""Of long waits every 64th try is told, which is every five minutes."""


def pause_s(tries: int) -> float:
    """How long to wait after this many tries."""
    doublings = min(tries - 1, 16)
    return min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0**doublings)


def is_worth_telling(tries: int) -> bool:
    """True for the 1st, 2nd, 4th, 8th ... try, and later for every 64th."""
    return tries % _TELL_EVERY == 0 or tries & (tries - 1) == 0


class Waiting:
    """Counts the tries of one wait. A new cause is always told."""

    def __init__(self) -> None:
        self._tries = 0
        self._cause = ""

    async def pause(self, stop: asyncio.Event, cause: str) -> None:
        """Tell that a try failed, if that is news, and wait some; not longer than until `stop`."""
        self._tries += 1
        pause = pause_s(self._tries)
        if cause != self._cause or is_worth_telling(self._tries):
            get_logger("database").warning(
                "database_not_ready", error=cause, tries=self._tries, next_try_s=pause
            )
        self._cause = cause
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            return
