"""Which executions there are already: asked of state for many at once.

Whoever may repeat a start asks before it: sub-workflows, keyed starts, schedules. Those that ask
while others wait for an answer travel together in the next question.
"""

import asyncio
from collections.abc import Collection

from penstock.common.errors import PenstockError
from penstock.coordinator.ports import Queries
from penstock.coordinator.shell.process import Process

_AT_ONCE = 1_000
"""Executions of one question: state answers for at most 2,000."""
_QUESTIONS_MAX = 4
"""Questions on their way: a slow one holds up few, and many gather behind all of them."""


class _Question:
    """Asked for several; `found` are those that there are, or why nobody knows."""

    __slots__ = ("answered", "found", "ids")

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.found: Collection[str] | PenstockError = ()
        self.answered = asyncio.Event()


class Presence:
    """Asks, once for all who ask at the same time for the same account."""

    def __init__(self, queries: Queries, process: Process) -> None:
        self._queries = queries
        self._tasks = process.tasks
        self._open: dict[str, _Question] = {}
        self._places = asyncio.Semaphore(_QUESTIONS_MAX)

    async def is_known(self, tenant: str, execution_id: str) -> bool:
        """True if the account has this execution, live or not. Raises retryable errors."""
        question = self._open.get(tenant)
        if question is None or len(question.ids) >= _AT_ONCE:
            question = self._open[tenant] = _Question()
            self._tasks.create_task(self._ask(tenant, question))
        question.ids.append(execution_id)
        await question.answered.wait()
        if isinstance(question.found, PenstockError):
            raise question.found
        return execution_id in question.found

    async def _ask(self, tenant: str, question: _Question) -> None:
        async with self._places:
            await asyncio.sleep(0)  # whoever is about to ask is taken along
            if self._open.get(tenant) is question:
                del self._open[tenant]
            try:
                question.found = frozenset(await self._queries.known(tenant, question.ids))
            except PenstockError as error:
                question.found = error
            finally:
                question.answered.set()
