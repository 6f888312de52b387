"""What must be counted for quotas."""

from typing import Protocol


class UsageStore(Protocol):
    """Counts of an account's executions; an empty workflow stands for all of them."""

    async def live(self, tenant: str, workflow: str) -> int:
        """Executions that have not ended."""
        ...

    async def started(self, tenant: str, workflow: str, since_us: int) -> int:
        """Executions started after an instant."""
        ...

    async def nth_start(self, tenant: str, workflow: str, nth: int) -> int:
        """When the start was that is so many from the last one; 0 if there are fewer."""
        ...
