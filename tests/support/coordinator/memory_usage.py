"""What accounts use, counted in memory."""

from typing import Any


class MemoryUsage:
    def __init__(self, state: Any) -> None:
        self._state = state

    async def live(self, tenant: str, workflow: str) -> int:
        self._state.check_up("live")
        return sum(not self._state.ended(one) for one in self._found(tenant, workflow))

    async def started(self, tenant: str, workflow: str, since_us: int, nth: int) -> tuple[int, int]:
        self._state.check_up("started")
        histories = [self._state.histories[one] for one in self._found(tenant, workflow)]
        starts = sorted((rows[0].at_unix_us for rows in histories), reverse=True)
        count = sum(at_us > since_us for at_us in starts)
        return count, starts[nth - 1] if 0 < nth <= count else 0

    def _found(self, tenant: str, workflow: str) -> list[str]:
        return [
            one
            for one, rows in self._state.histories.items()
            if self._state.tenants[one] == tenant
            and workflow in ("", rows[0].events[0].execution_started.workflow)
        ]
