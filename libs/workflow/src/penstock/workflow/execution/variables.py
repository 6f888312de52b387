"""The variables of one execution as the fold holds them, only of executions that have any.

The last commit wins, name by name: there is no lock and no merging of values.
"""

import msgspec

from penstock.workflow.execution.join import join_object
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan
from penstock.workflow.variables import (
    encoded,
    size_of,
    values_of,
)


class VarsChange(msgspec.Struct, frozen=True, gc=False):
    """What an attempt did to variables, as columns: each name once, with its new value as JSON, or
    with nothing if it was deleted."""

    names: tuple[str, ...]
    values_json: tuple[bytes, ...]


class VarsChanged(msgspec.Struct, frozen=True, gc=False):
    """An attempt that ended well changed variables; comes right before its outcome."""

    ref: NodeRef
    change: VarsChange


class Variables:
    """Values by name, in the order in which the names came up, and what they take together."""

    __slots__ = ("size", "values")

    def __init__(self, plan: Plan, given: bytes = b"") -> None:
        self.values = encoded(plan.vars)
        if given:
            self.values.update(values_of(given))
        self.size = sum(size_of(name, value) for name, value in self.values.items())

    def apply(self, change: VarsChange) -> None:
        """Take a change in. O(what it changes)."""
        for name, value in zip(change.names, change.values_json, strict=True):
            before = self.values.get(name)
            if before is not None:
                self.size -= size_of(name, before)
            if value:
                self.values[name] = value
                self.size += size_of(name, value)
            elif before is not None:
                del self.values[name]

    def after(self, change: VarsChange) -> tuple[int, int]:
        """How many there would be after a change, and their size."""
        count, size = len(self.values), self.size
        for name, value in zip(change.names, change.values_json, strict=True):
            before = self.values.get(name)
            if before is not None:
                count, size = count - 1, size - size_of(name, before)
            if value:
                count, size = count + 1, size + size_of(name, value)
        return count, size

    def text(self) -> bytes:
        """All of them as one JSON object."""
        return join_object(list(self.values), list(self.values.values()))
