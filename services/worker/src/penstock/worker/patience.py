"""Waiting for a service that is away: the worker keeps what it has and asks again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from penstock.common.errors import DeadlineExceeded, Unavailable
from penstock.common.logging import get_logger

Answer = TypeVar("Answer")

_FIRST_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `ask` gives, asked again with growing pauses while the service cannot be reached.

    Has no end of its own: the attempt's time-out, a cancel or the worker's drain ends it. While
    state is away nothing could be committed either.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except (Unavailable, DeadlineExceeded) as error:
            if pause_s == _FIRST_PAUSE_S:
                get_logger("worker").warning("service_awaited", error=error.message)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_S_MAX)
