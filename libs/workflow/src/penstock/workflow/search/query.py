"""What a query asks for, once it is read: conditions that must all hold.

Instants are microseconds since the Unix epoch; a lower bound is included, an upper one is not.
"""

from typing import Literal

import msgspec

from penstock.workflow.execution.values import ExecutionStatus

Letter = Literal["open", "retried", "discarded"]
"""What became of a dead letter."""

LETTERS: tuple[Letter, ...] = ("open", "retried", "discarded")

_PAUSED = int(ExecutionStatus.PAUSED)
KEPT_STATUSES = frozenset(map(int, ExecutionStatus)) - {_PAUSED}
"""Statuses that executions are kept under; one that is paused is kept as running."""

DEAD_STATUSES = frozenset({int(ExecutionStatus.FAILED), int(ExecutionStatus.TIMED_OUT)})
"""An execution that ends so is a dead letter until somebody has dealt with it."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """A time from `from_us` until before `before_us`; 0 leaves a side open."""

    from_us: int = 0
    before_us: int = 0

    def holds(self, at_us: int) -> bool:
        """True if the instant lies within."""
        return at_us >= self.from_us and not (self.before_us and at_us >= self.before_us)

    def narrowed(self, other: "Span") -> "Span":
        """What lies within both."""
        ends = [end for end in (self.before_us, other.before_us) if end]
        return Span(max(self.from_us, other.from_us), min(ends, default=0))


ALWAYS = Span()


class Query(msgspec.Struct, frozen=True):
    """Conditions on executions; what is empty does not restrict.

    Of each tuple of values one must fit. `tags` and `terms` are groups: of every group one must be
    there. A term is what `terms.py` makes of a parameter or a link.
    """

    workflows: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, ...], ...] = ()
    terms: tuple[tuple[str, ...], ...] = ()
    reasons: tuple[str, ...] = ()
    failed_nodes: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    started: Span = ALWAYS
    ended: Span = ALWAYS
    unbegun: bool = False
    """Only executions whose start asked for a delay which is not over."""

    @property
    def asks_for_paused(self) -> bool:
        """True if of those that have not ended only paused ones fit; `running` finds all."""
        return _PAUSED in self.statuses and int(ExecutionStatus.RUNNING) not in self.statuses

    @property
    def possible_statuses(self) -> frozenset[int]:
        """Statuses under which an execution can be kept which fits; all of them if nothing is
        said."""
        running, good = int(ExecutionStatus.RUNNING), int(ExecutionStatus.COMPLETED)
        asked = {running if each == _PAUSED else each for each in self.statuses}
        possible = KEPT_STATUSES & (asked or KEPT_STATUSES)
        if self.letters:
            possible &= DEAD_STATUSES
        if self.reasons or self.failed_nodes:
            possible -= {running, good}
        if self.ended != ALWAYS:
            possible -= {running}
        return possible
