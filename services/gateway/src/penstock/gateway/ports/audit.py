"""What the routes of the self-audit need."""

from typing import Protocol

from penstock.api.audit.v1 import audit_service_pb2 as audit


class Audits(Protocol):
    """The self-audit of all coordinators. Raises `Unavailable` if one of them does not answer."""

    async def reports(self, tenant: str, *, now: bool) -> list[audit.GetAuditResponse]:
        """What each has found; with `now` after a look at everything."""
        ...

    async def repair(self, execution_id: str, tenant: str) -> list[audit.Repaired]:
        """Mend what was found, of one execution if one is named."""
        ...
