"""What the routes of limits need from other services."""

from typing import Protocol

from penstock.api.limits.v1 import limits_service_pb2 as pb


class LimitsDoor(Protocol):
    """Limits over all coordinators. Raises `Unavailable` if one of them does not answer."""

    async def limits(self, tenant: str) -> list[pb.Limit]:
        """The account's keys in use."""
        ...

    async def release(self, execution_id: str, tenant: str) -> int:
        """Free what an execution holds; returns how many permits that was."""
        ...

    async def set_breaker(self, key: str, is_open: bool, tenant: str) -> bool:
        """Open or close a breaker; False if nobody knows it."""
        ...
