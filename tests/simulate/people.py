"""A person who answers what executions ask, for every tenant: whether they may go on, and what
became of an effect that may or may not have happened. Nobody says that it did not: a process that
was paused could still do it."""

import asyncio
from typing import Any

from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.workflow.v1 import task_service_pb2 as tasks
from penstock.common.errors import PenstockError
from penstock.workflow.execution.values import NodeRef
from simulate.callers import Callers
from simulate.cluster import Cluster
from simulate.script import TENANTS

_DECISIONS = {
    journal_pb.TASK_KIND_APPROVAL: ("approved", "approved", "rejected"),
    journal_pb.TASK_KIND_EFFECT: ("happened", "fail", "skip"),
}


class Person:
    """Looks at the list every now and then. `answered` counts what was acknowledged, by kind."""

    def __init__(self, callers: Callers, cluster: Cluster) -> None:
        self._callers = callers
        self._rng = cluster.fabric.rng
        self.answered = dict.fromkeys(_DECISIONS, 0)

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
            decision = self._rng.choice(_DECISIONS[task.asked.kind])
            answer = tasks.AnswerTaskRequest(id=task.id, decision=decision, by="ann")
            await self._callers.ask(self._answering(answer, tenant))
            self.answered[task.asked.kind] += 1
            ref = NodeRef(task.ref.node, task.ref.item, task.ref.attempt)
            self._callers.hands.answers[task.execution_id, ref] = decision

    def _answering(self, answer: tasks.AnswerTaskRequest, tenant: str) -> Any:
        return lambda doors: doors.tasks.answer(answer, tenant)
