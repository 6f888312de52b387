"""What finding needs from the database, in its own words."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from penstock.state.ports import ExecutionRow
from penstock.workflow.search.query import Letter, Query

Place = tuple[int, str]
"""Where a page ends: (started_us, execution_id)."""


class LetterRow(NamedTuple):
    """What was done about a dead letter; the rest is empty while it is open."""

    state: Letter = "open"
    reason: str = ""
    settled_us: int = 0
    retried_as: str = ""


class FoundRow(NamedTuple):
    """One execution of a list; `letter` is None unless it FAILED or TIMED_OUT."""

    row: ExecutionRow
    failed_node: str = ""
    letter: LetterRow | None = None


class FoundPage(NamedTuple):
    """Some executions, and where to go on; None at the end. A page that took long to find may be
    short and yet go on."""

    rows: Sequence[FoundRow]
    place: Place | None


class SearchStore(Protocol):
    """Finds executions of one account."""

    async def page(
        self, tenant: str, query: Query, place: Place | None, limit: int, *, newest: bool
    ) -> FoundPage:
        """A page by (started_us, execution_id), beyond a place. Bounded work, whatever the query
        asks for."""
        ...

    async def count(self, tenant: str, query: Query, most: int) -> tuple[int, bool]:
        """How many there are, counting no further than `most`, and whether that is all. Bounded
        work: it may stop earlier."""
        ...


class DeadLetterStore(Protocol):
    """What was done about executions that FAILED or TIMED_OUT."""

    async def find(self, tenant: str, execution_id: str) -> LetterRow | None:
        """Where a dead letter stands; None if the account has no such one."""
        ...

    async def settle(self, tenant: str, execution_id: str, wanted: LetterRow) -> LetterRow | None:
        """Bring it to a state and return where it stands; None if there is none. One that was
        retried stays so: what was started in its place cannot be undone."""
        ...
