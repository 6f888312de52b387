"""The twin of the store of tasks for people."""

from penstock.state.journal.hands import AskedTuple
from penstock.state.ports import TaskFilter, TaskPlace, TaskRow
from support.state_twin import MemoryJournal


class MemoryTasks:
    """`TaskStore` over the journal's."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    async def find(
        self, tenant: str, execution_id: str, place: tuple[int, int, int]
    ) -> TaskRow | None:
        row = self._journal.tasks.get((execution_id, *place))
        return None if row is None or row[2] != tenant else _task_row(row)

    async def page(
        self, tenant: str, chosen: TaskFilter, after: TaskPlace | None, limit: int
    ) -> list[TaskRow]:
        found = [
            _task_row(row)
            for row in self._journal.tasks.values()
            if row[2] == tenant
            and chosen.execution_id in ("", row[1])
            and chosen.workflow in ("", row[3])
            and chosen.kind in (0, row[8])
            and (not chosen.assignee or not row[11] or chosen.assignee in row[11].split("\x1f"))
        ]
        found.sort(key=_task_place)
        return [row for row in found if after is None or _task_place(row) > after][:limit]


def _task_row(row: AskedTuple) -> TaskRow:
    _, execution_id, _, workflow, node_id, node, item, attempt, _, opened, due, _, body = row
    return TaskRow(execution_id, node, item, attempt, workflow, node_id, opened, due, body)


def _task_place(row: TaskRow) -> TaskPlace:
    return row.opened_us, row.execution_id, row.node, row.item
