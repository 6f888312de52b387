"""The twin of the counts of what accounts use."""

from support.state_twin import MemoryJournal


class MemoryUsage:
    """`UsageStore` over the journal's rows."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    async def live(self, tenant: str, workflow: str) -> int:
        return sum(row.status == 1 for row in self._rows(tenant, workflow))

    async def started(self, tenant: str, workflow: str, since_us: int) -> int:
        return sum(row.started_us > since_us for row in self._rows(tenant, workflow))

    async def nth_start(self, tenant: str, workflow: str, nth: int) -> int:
        starts = sorted((row.started_us for row in self._rows(tenant, workflow)), reverse=True)
        return starts[nth - 1] if nth <= len(starts) else 0

    def _rows(self, tenant: str, workflow: str) -> list:
        return [
            row
            for row in self._journal.executions.values()
            if row.tenant == tenant and workflow in ("", row.workflow)
        ]
