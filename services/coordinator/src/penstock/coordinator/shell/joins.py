"""Joined outputs that are too large to be inline: fetched, spliced, stored, fed back."""

import asyncio
from collections.abc import Callable, Sequence

from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.core.commands import StoreOutput
from penstock.coordinator.core.inputs import OutputRefused, OutputStored
from penstock.coordinator.ports import Payloads
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.join import join_array, join_object
from penstock.workflow.execution.values import Failure, Payload

FeedBack = Callable[[Live, OutputStored | OutputRefused], None]
"""Hands what became of a join to the core."""

_AT_ONCE = 4
"""Joins made at the same time: each may hold 64 MiB twice."""
_PARTS_AT_ONCE = 16
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 5.0


class StoredJoins:
    """Carries out `StoreOutput`. Repeats for as long as the payload store cannot be reached: a
    repeat stores the same content. What the store refuses for good fails the node."""

    def __init__(
        self,
        payloads: Payloads,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._payloads = payloads
        self._tasks = tasks
        self.feed_back: FeedBack = lambda live, back: None
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[tuple[str, int]] = set()
        self._log = get_logger("joins")

    def store(self, live: Live, command: StoreOutput) -> None:
        """Begin; the result comes back as an input of the execution."""
        self._under_way.add((live.id, command.node))
        self._tasks.create_task(self._carry_out(live, command))

    def is_storing(self, live: Live, node: int) -> bool:
        """True if this node's output is on its way to the store."""
        return (live.id, node) in self._under_way

    async def _carry_out(self, live: Live, command: StoreOutput) -> None:
        try:
            await self._store(live, command)
        finally:
            self._under_way.discard((live.id, command.node))

    async def _store(self, live: Live, command: StoreOutput) -> None:
        backoff_s = _BACKOFF_FIRST_S
        async with self._places:
            while not live.gone:
                try:
                    whole = await self._spliced(live.tenant, command)
                    stored = await self._payloads.put(live.tenant, whole)
                except PenstockError as error:
                    self._log.warning("join_not_stored", execution=live.id, error=str(error))
                    if not error.retryable:
                        failure = Failure("system", error.reason, error.message)
                        self.feed_back(live, OutputRefused(command.node, failure))
                        return
                    await asyncio.sleep(backoff_s)
                    backoff_s = min(_BACKOFF_MAX_S, backoff_s * 2)
                    continue
                self.feed_back(live, OutputStored(command.node, stored))
                return

    async def _spliced(self, tenant: str, command: StoreOutput) -> bytes:
        parts: list[bytes] = []
        for first in range(0, len(command.parts), _PARTS_AT_ONCE):
            some = command.parts[first : first + _PARTS_AT_ONCE]
            if any(part.digest for part in some):
                parts.extend(await self._fetched(tenant, some))
            else:
                parts.extend(part.json for part in some)
        return join_object(command.keys, parts) if command.keys else join_array(parts)

    async def _fetched(self, tenant: str, some: Sequence[Payload]) -> list[bytes]:
        try:
            async with asyncio.TaskGroup() as group:
                fetches = [group.create_task(self._bytes_of(tenant, part)) for part in some]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return [fetch.result() for fetch in fetches]

    async def _bytes_of(self, tenant: str, part: Payload) -> bytes:
        return await self._payloads.get(tenant, part.digest) if part.digest else part.json
