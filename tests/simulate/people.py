"""A person who answers what executions ask, for every tenant: what became of an effect that may or
may not have happened. Nobody says that it did not: a process that was paused could still do it."""

import asyncio
from typing import Any

from penstock.api.workflow.v1 import task_service_pb2 as tasks
from penstock.common.errors import PenstockError
from simulate.callers import Callers
from simulate.cluster import Cluster
from simulate.script import TENANTS


class Person:
    """Looks at the list every now and then. `answered` counts what was acknowledged."""

    def __init__(self, callers: Callers, cluster: Cluster) -> None:
        self._callers = callers
        self._rng = cluster.fabric.rng
        self.answered = 0

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._rng.choice((0.2, 0.7)))
            for tenant in TENANTS:
                try:
                    await self._go_through(tenant)
                except PenstockError:  # it is asked again
                    continue

    async def _go_through(self, tenant: str) -> None:
        page: Any = await self._callers.ask(
            lambda doors: doors.tasks.page(tasks.ListTasksRequest(), tenant)
        )
        for task in page.tasks:
            decision = self._rng.choice(("happened", "fail", "skip"))
            answer = tasks.AnswerTaskRequest(id=task.id, decision=decision, by="ann")
            await self._answer(answer, tenant)

    async def _answer(self, answer: tasks.AnswerTaskRequest, tenant: str) -> None:
        await self._callers.ask(lambda doors: doors.tasks.answer(answer, tenant))
        self.answered += 1
