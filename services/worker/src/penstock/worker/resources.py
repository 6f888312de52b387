"""Things that node types share within a worker, each opened at first use and closed at the end."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar, cast

from penstock.nodes.api import Environment

Resource = TypeVar("Resource")


class SharedResources:
    """Resources by the function that opens them."""

    def __init__(self, environment: Environment, stack: AsyncExitStack) -> None:
        self._environment = environment
        self._stack = stack
        self._open: dict[Any, Any] = {}
        self._opening = asyncio.Lock()

    async def get(
        self, opener: Callable[[Environment], AbstractAsyncContextManager[Resource]]
    ) -> Resource:
        """What `opener(environment)` gives on entry; the same for every call."""
        if opener not in self._open:
            async with self._opening:
                if opener not in self._open:
                    opened = opener(self._environment)
                    self._open[opener] = await self._stack.enter_async_context(opened)
        return cast("Resource", self._open[opener])
