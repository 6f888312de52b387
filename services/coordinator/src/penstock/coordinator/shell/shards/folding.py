"""Executions out of their journal: what recovery of a shard and waking a sleeper have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.common.errors import PenstockError
from penstock.common.journal_codec import batch_from_proto
from penstock.common.logging import get_logger
from penstock.coordinator.shell.live import Executions, Live, Shard
from penstock.coordinator.shell.starts.definitions import Definitions
from penstock.workflow.execution.fold import ExecutionState

_BREATH_ROWS = 200


class Folding:
    """Folds histories. One that cannot be folded is set aside: it stays in the journal, for a fixed
    version to load, and does not stop the rest."""

    def __init__(self, definitions: Definitions, executions: Executions) -> None:
        self._definitions = definitions
        self._executions = executions
        self._log = get_logger("recovery")

    async def fold(
        self, rows: AsyncIterator[EventBatch], shard_for: Callable[[str], Shard]
    ) -> list[Live]:
        """The executions that these rows are of; rows of one are adjacent and in order. What has
        ended is left out. Raises retryable errors only."""
        found: list[Live] = []
        broken = ""
        count = 0
        async for batch in rows:
            count += 1
            if count % _BREATH_ROWS == 0:
                await asyncio.sleep(0)
            if batch.execution_id == broken:
                continue
            try:
                if not found or found[-1].id != batch.execution_id:
                    found.append(await self._opened(shard_for(batch.execution_id), batch))
                _, first_seq, at_us, events = batch_from_proto(batch)
                found[-1].state.apply_batch(events, first_seq, at_us)
            except PenstockError as error:
                if error.retryable:
                    raise
                broken = self._set_aside(batch, found, error)
            except Exception as error:  # noqa: BLE001 - one damaged history must not stop the rest
                broken = self._set_aside(batch, found, error)
        for live in found:
            _note_known_tasks(live.state)
        return [live for live in found if live.state.end is None]

    def _set_aside(self, batch: EventBatch, found: list[Live], error: Exception) -> str:
        """Leave an execution that cannot be folded where it is."""
        if found and found[-1].id == batch.execution_id:
            found.pop()
        self._executions.set_aside.add(batch.execution_id)
        self._log.error(
            "execution_set_aside",
            execution=batch.execution_id,
            error=repr(error),
            exc_info=error,
        )
        return batch.execution_id

    async def _opened(self, shard: Shard, first: EventBatch) -> Live:
        started = first.events[0].execution_started
        plan = await self._definitions.plan_of(started.tenant, started.definition_hash)
        live = Live(first.execution_id, started.tenant, shard, plan)
        live.started = True
        return live


def _note_known_tasks(state: ExecutionState) -> None:
    """State knows what people are asked. It may not know all that a failure took back: earlier
    versions did not tell, so that is told once more with the next record."""
    tasks = state.waits.tasks
    if tasks is not None:
        news = tasks.take_news()
        if state.failing is not None:
            open_now = {task.wait.ref for task in tasks.by_key.values()}
            tasks.news = [one for one in news if not one.opened_us and one.wait.ref not in open_now]
