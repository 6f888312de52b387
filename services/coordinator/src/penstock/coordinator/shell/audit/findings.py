"""What the audit found: kept until it is mended or turns out to be over."""

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from penstock.coordinator.core.audit import FaultKind
from penstock.workflow.execution.values import NodeRef

FINDINGS_MAX = 1_000
"""Findings kept; more of them say nothing new."""

Key = tuple[str, str, str]


class Repair(StrEnum):
    """What mends a finding."""

    REQUEUE = "requeue"
    """Void the attempt and queue the next one."""
    REARM = "rearm"
    """Set the timer again."""
    RELOAD = "reload"
    """Forget what is held of the shard and load it from the journal."""
    LOOK_AGAIN = "look_again"
    """Ask the record once more who is due."""
    GO_ON = "go_on"
    """Have limits decide again, and give workers what is ready."""


REPAIRS = {
    FaultKind.HELD: Repair.RELOAD,
    FaultKind.ATTEMPT: Repair.REQUEUE,
    FaultKind.TIMER: Repair.REARM,
    FaultKind.ASLEEP: Repair.LOOK_AGAIN,
    FaultKind.WAITING: Repair.GO_ON,
}


class Finding(msgspec.Struct, frozen=True):
    """One thing that must not be, seen twice in a row."""

    invariant: str
    tenant: str
    execution_id: str
    shard: int
    message: str
    repair: Repair
    ref: NodeRef | None = None
    found_us: int = 0

    @property
    def key(self) -> Key:
        """What makes two findings the same."""
        return (self.invariant, self.execution_id, self.message)


def subject_of_shard(number: int) -> str:
    """What a look at a shard is a look at; of an execution it is the id."""
    return f"shard {number}"


class Findings:
    """Of one coordinator. What is seen once is a suspicion: work that is under way looks like it.
    Seen at the next look too, it is a finding, until a look does not see it."""

    def __init__(self) -> None:
        self._suspected: dict[str, dict[Key, Finding]] = {}
        self.found: dict[Key, Finding] = {}
        self.dropped = 0

    def looked(self, subject: str, seen: Iterable[Finding]) -> list[Finding]:
        """All that one look at an execution or a shard saw; returns the new findings."""
        now = {finding.key: finding for finding in seen}
        before = self._suspected.pop(subject, {})
        for key in before.keys() - now.keys():
            self.found.pop(key, None)
        if now:
            self._suspected[subject] = now
        new = [now[key] for key in now if key in before and key not in self.found]
        for finding in new:
            if len(self.found) < FINDINGS_MAX:
                self.found[finding.key] = finding
            else:
                self.dropped += 1
        return new

    def not_told(self, subject: str) -> None:
        """A look could not tell anything: what was found stays, a suspicion has to begin anew."""
        found = {
            key: finding
            for key, finding in self._suspected.pop(subject, {}).items()
            if key in self.found
        }
        if found:
            self._suspected[subject] = found

    def keep(self, is_looked_at: Callable[[str], bool]) -> None:
        """Subjects that will not be looked at any more have ended or are others' now."""
        for subject in [each for each in self._suspected if not is_looked_at(each)]:
            self.looked(subject, ())

    def forget(self, finding: Finding) -> None:
        """It was mended; if it was not, it will be found again."""
        self.found.pop(finding.key, None)
        self._suspected.pop(finding.execution_id, None)
        self._suspected.pop(subject_of_shard(finding.shard), None)
