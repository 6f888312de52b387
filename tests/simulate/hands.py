"""People who lay hands on nodes and answer what executions ask, and how they are judged: what was
acknowledged stands in the journal, once, however often it was said.

That it was right to do it then, and what it leads to, the judge of journals knows
(`support.journal_hands`).
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from penstock.api.workflow.v1 import intervention_service_pb2 as hands
from penstock.common.errors import Conflict
from penstock.workflow.execution import events as ev
from penstock.workflow.execution import hand_events as by_hand
from penstock.workflow.execution.values import NodeRef, Operation
from simulate.script import Errand


class Hands:
    """What people were told of what they did: interventions by execution and id, answers by
    execution and attempt. `again` counts what was said once more and met the first."""

    def __init__(self, blame: Callable[[str], None]) -> None:
        self._blame = blame
        self.done: dict[tuple[str, str], Operation] = {}
        self.answers: dict[tuple[str, NodeRef], str] = {}
        self.again = 0

    async def meddle(self, callers: Any, rng: Random, errand: Errand, execution: str) -> None:
        """Lay hands on some nodes, each time until it is answered, now and then once more."""
        nodes = [node.id for node in callers.plan_of(errand).nodes if not node.id.startswith("$")]
        for number in range(errand.meddles):
            await asyncio.sleep(rng.choice((0.01, 0.2, 0.8)))
            request = hands.InterveneNodeRequest(
                execution_id=execution,
                node=rng.choice(nodes),
                operation=rng.choice([*Operation]),
                by="ann",
                intervention_id=f"hand-{number}",
            )
            if request.operation in (Operation.COMPLETE, Operation.EDIT):
                request.value_json = b"{}"
            for _ in range(rng.choice((1, 1, 2, 3))):
                await self._lay(callers, request, errand.tenant)

    async def _lay(self, callers: Any, request: hands.InterveneNodeRequest, tenant: str) -> None:
        key = (request.execution_id, request.intervention_id)
        try:
            await callers.insist(lambda doors: doors.interventions.intervene(request, tenant))
        except Conflict as refused:
            if key in self.done:
                self._blame(f"{key} was acknowledged, then refused: {refused.message}")
            return
        self.again += key in self.done
        self.done[key] = Operation(request.operation)

    def at_the_end(self, journal: dict[str, list[ev.Event]]) -> None:
        """What was acknowledged, against the journal."""
        laid = [
            (execution, event.intervention_id, event.operation)
            for execution, events in journal.items()
            for event in events
            if isinstance(event, by_hand.NodeIntervened)
        ]
        for (execution, name), operation in self.done.items():
            if laid.count((execution, name, operation)) != 1:
                self._blame(f"{operation.name} {name} of {execution} was acknowledged: {laid} (I8)")
        answered = [
            (execution, event.ref, event.decision)
            for execution, events in journal.items()
            for event in events
            if isinstance(event, by_hand.TaskAnswered)
        ]
        for (execution, ref), decision in self.answers.items():
            if answered.count((execution, ref, decision)) != 1:
                self._blame(
                    f"{decision} for {ref} of {execution} was acknowledged: {answered} (I8)"
                )
