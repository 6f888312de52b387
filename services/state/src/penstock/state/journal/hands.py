"""The part of a group commit that tells what people are asked and what they have paused."""

from penstock.api.state.v1.state_service_pb2 import Dues, TaskNews
from penstock.state.journal.texts import TAG_SEPARATOR, clean_text

TaskKey = tuple[str, int, int, int]
"""Execution, node, item, attempt."""

AskedTuple = tuple[int, str, str, str, str, int, int, int, int, int, int, str, bytes]
"""shard, execution_id, tenant, workflow, node_id, node, item, attempt, kind, opened_us, due_us,
assignees (joined), body."""

UnaskedTuple = tuple[int, str, int, int, int]
"""shard, execution_id, node, item, attempt."""

PausedTuple = tuple[int, str, str]
"""shard, tenant, execution_id."""


class HandRows:
    """What is left of the news of a batch: what begins and ends within it leaves no row."""

    def __init__(self) -> None:
        self._asked: dict[TaskKey, AskedTuple] = {}
        self.unasked: list[UnaskedTuple] = []
        self._pauses: dict[tuple[int, str, str], bool] = {}

    @property
    def asked(self) -> list[AskedTuple]:
        """Tasks that begin."""
        return list(self._asked.values())

    @property
    def paused(self) -> list[PausedTuple]:
        """Executions that are paused after the batch."""
        return [key for key, paused in self._pauses.items() if paused]

    @property
    def resumed(self) -> list[PausedTuple]:
        """Executions that are not."""
        return [key for key, paused in self._pauses.items() if not paused]

    def add(self, shard: int, dues: Dues) -> None:
        """Take the news of a shard, in order."""
        for news in dues.tasks:
            ref = news.ref
            key = (news.execution_id, ref.node, ref.item, ref.attempt)
            if news.opened_unix_us:
                self._asked[key] = _row_of(shard, news)
            elif self._asked.pop(key, None) is None:
                self.unasked.append((shard, *key))
        for pause in dues.pauses:
            self._pauses[shard, pause.tenant, pause.execution_id] = pause.paused


def _row_of(shard: int, news: TaskNews) -> AskedTuple:
    ref, task = news.ref, news.task
    return (
        shard,
        news.execution_id,
        news.tenant,
        news.workflow,
        news.node,
        ref.node,
        ref.item,
        ref.attempt,
        task.kind,
        news.opened_unix_us,
        news.due_unix_us,
        TAG_SEPARATOR.join(dict.fromkeys(map(clean_text, task.assignees))),
        task.SerializeToString(),
    )
