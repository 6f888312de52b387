"""Searches and dead letters over the twin of the journal, the plain way: look at everything."""

from penstock.state.finding.ports import FoundPage, FoundRow, LetterRow, Place
from penstock.state.ports import ExecutionRow
from penstock.workflow.search.query import ALWAYS, DEAD_STATUSES, Query
from penstock.workflow.search.terms import BEGINS
from support.hand_rows import fits_status, paused_now
from support.state_twin import MemoryJournal


class MemoryFinding:
    """`SearchStore` and `DeadLetterStore` over a `MemoryJournal`."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._settled: dict[str, LetterRow] = {}

    def _letter(self, row: ExecutionRow) -> LetterRow | None:
        if row.status not in DEAD_STATUSES:
            return None
        return self._settled.get(row.execution_id, LetterRow())

    def _fits(self, tenant: str, query: Query, row: ExecutionRow) -> bool:
        letter = self._letter(row)
        failed_node = self._journal.failed_nodes.get(row.execution_id)
        terms = self._journal.terms.get(row.execution_id, ())
        return (
            row.tenant == tenant
            and (not query.workflows or row.workflow in query.workflows)
            and (not query.versions or row.version in query.versions)
            and fits_status(row, query.statuses, self._journal.paused)
            and (not query.ids or row.execution_id in query.ids)
            and all(set(group) & set(row.tags) for group in query.tags)
            and all(set(group) & set(terms) for group in query.terms)
            and (
                not query.unbegun
                or f"{BEGINS}{self._journal.resting.get(row.execution_id, 0)}" in terms
            )
            and (not query.reasons or (row.status > 2 and row.failure_reason in query.reasons))
            and (not query.failed_nodes or failed_node in query.failed_nodes)
            and (not query.letters or (letter is not None and letter.state in query.letters))
            and query.started.holds(row.started_us)
            and (
                query.ended == ALWAYS
                or (row.finished_us > 0 and query.ended.holds(row.finished_us))
            )
        )

    def _found(self, tenant: str, query: Query) -> list[FoundRow]:
        return [
            FoundRow(
                paused_now(row, self._journal.paused),
                self._journal.failed_nodes.get(row.execution_id, ""),
                self._letter(row),
            )
            for row in self._journal.executions.values()
            if self._fits(tenant, query, row)
        ]

    async def page(
        self, tenant: str, query: Query, place: Place | None, limit: int, *, newest: bool
    ) -> FoundPage:
        rows = sorted(self._found(tenant, query), key=_key, reverse=newest)
        if place is not None:
            rows = [row for row in rows if (_key(row) < place if newest else _key(row) > place)]
        cut = rows[:limit]
        return FoundPage(cut, _key(cut[-1]) if len(cut) == limit else None)

    async def count(self, tenant: str, query: Query, most: int) -> tuple[int, bool]:
        count = len(self._found(tenant, query))
        return min(count, most), count <= most

    async def find(self, tenant: str, execution_id: str) -> LetterRow | None:
        row = await self._journal.find(tenant, execution_id)
        return None if row is None else self._letter(row)

    async def settle(self, tenant: str, execution_id: str, wanted: LetterRow) -> LetterRow | None:
        letter = await self.find(tenant, execution_id)
        if letter is not None and letter.state not in ("retried", wanted.state):
            self._settled[execution_id] = wanted if wanted.state != "open" else LetterRow()
        return await self.find(tenant, execution_id)


def _key(found: FoundRow) -> Place:
    return found.row.started_us, found.row.execution_id
