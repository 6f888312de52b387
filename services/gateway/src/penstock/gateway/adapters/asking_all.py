"""One question to every coordinator at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from penstock.common.errors import PenstockError

Answer = TypeVar("Answer")


async def ask_all(
    addresses: Iterable[str], ask: Callable[[str], Awaitable[Answer]]
) -> list[Answer]:
    """What each answers, in order. If one cannot, its error is raised as it is, and the others are
    not waited for."""

    async def one(address: str) -> Answer:
        return await ask(address)

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(address)) for address in addresses]
    except ExceptionGroup as errors:
        for error in errors.exceptions:
            if isinstance(error, PenstockError):
                raise error from errors
        raise
    return [each.result() for each in asked]
