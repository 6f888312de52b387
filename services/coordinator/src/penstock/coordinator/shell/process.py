"""What the shell's parts share of the process they run in."""

import asyncio
import dataclasses
from collections.abc import Callable

from penstock.common.clock import Clock


@dataclasses.dataclass(frozen=True)
class Process:
    """The task group that everything runs in, the clock, and where new ids come from."""

    tasks: asyncio.TaskGroup
    clock: Clock
    next_id: Callable[[], str]
