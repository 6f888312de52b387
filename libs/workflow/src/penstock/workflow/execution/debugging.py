"""What is known of a debugged execution beside its nodes. Part of the fold; an execution that
nobody debugs has none of it.

What is *held* is by key. An attempt that is held before it runs is queued, with nobody, and nobody
gets it. One that is held after it ran waits: its outcome is kept here, and nobody sees it.
"""

from collections.abc import Iterable

import msgspec

from penstock.workflow.execution.debug_events import (
    Breakpoint,
    BreakpointPassed,
    BreakpointsCleared,
    BreakpointsSet,
    DebugAttached,
    DebugPaceSet,
    NodeReleased,
    OutputEdited,
)
from penstock.workflow.execution.events import NodeHeld
from penstock.workflow.execution.said import Said
from penstock.workflow.execution.tables import Steps


class Held(msgspec.Struct, frozen=True):
    """Something that is held, since when (us)."""

    event: NodeHeld
    since_us: int

    @property
    def is_after(self) -> bool:
        """True if it has run and its outcome is held back."""
        return self.event.outcome is not None


class Debugging:
    """`hits` counts how often each breakpoint was met; `taken` are the edges known to be taken
    (parent, child), `ended` the nodes of which that is known; `into` the nodes whose sub-workflows
    are to be debugged; `commands` are known by their ids."""

    __slots__ = (
        "_held_of",
        "breakpoints",
        "by",
        "commands",
        "ended",
        "held",
        "hits",
        "into",
        "stepping",
        "stop_all",
        "taken",
    )

    def __init__(self, event: DebugAttached) -> None:
        self.by = event.by
        self.stepping = event.stepping
        self.stop_all = event.stop_all
        self.breakpoints: dict[str, Breakpoint] = {each.id: each for each in event.breakpoints}
        self.hits: dict[str, int] = {}
        self.held: dict[int, Held] = {}
        self._held_of: dict[int, set[int]] = {}
        self.taken: set[tuple[int, int]] = set()
        self.ended: set[int] = set()
        self.into: set[int] = set()
        self.commands = Said()
        self.commands.note(event.command_id)

    def attach_again(self, event: DebugAttached) -> None:
        """Somebody attached while somebody was: breakpoints are added, the rest is as the later one
        wants it."""
        self.by, self.stepping, self.stop_all = event.by, event.stepping, event.stop_all
        self._set(event.breakpoints)
        self.commands.note(event.command_id)

    def set_breakpoints(self, event: BreakpointsSet) -> None:
        """Add or replace them; a replaced one counts from new."""
        self._set(event.breakpoints)
        self.commands.note(event.command_id)

    def _set(self, breakpoints: Iterable[Breakpoint]) -> None:
        for each in breakpoints:
            self.breakpoints[each.id] = each
            self.hits.pop(each.id, None)

    def clear_breakpoints(self, event: BreakpointsCleared) -> None:
        """Take them away."""
        for each in event.ids:
            self.breakpoints.pop(each, None)
            self.hits.pop(each, None)
        self.commands.note(event.command_id)

    def set_pace(self, event: DebugPaceSet) -> None:
        """Step, or run."""
        self.stepping = event.stepping
        self.commands.note(event.command_id)

    def hold(self, key: int, event: NodeHeld, at_us: int) -> None:
        """Something is held from now on."""
        self.held[key] = Held(event, at_us)
        self._held_of.setdefault(event.ref.node, set()).add(key)
        point = self.breakpoints.get(event.breakpoint)
        if point is None:
            return
        self.hits[point.id] = self.hits.get(point.id, 0) + 1
        if point.once:
            del self.breakpoints[point.id]
            del self.hits[point.id]
        if self.stop_all:
            self.stepping = True

    def passed(self, event: BreakpointPassed) -> None:
        """A breakpoint was met."""
        self.hits[event.breakpoint] = self.hits.get(event.breakpoint, 0) + 1

    def release(self, key: int, event: NodeReleased) -> None:
        """Something is held no more."""
        self.forget(key)
        if event.into:
            self.into.add(key)

    def edit_output(self, key: int, event: OutputEdited) -> None:
        """The outcome that is held back has another output."""
        held = self.held.get(key)
        if held is not None and held.event.outcome is not None:
            outcome = msgspec.structs.replace(held.event.outcome, output=event.output)
            held_back = msgspec.structs.replace(held.event, outcome=outcome)
            self.held[key] = Held(held_back, held.since_us)
        self.commands.note(event.command_id)

    def note_end(self, node: int, steps: Steps) -> None:
        """A node ended, and which edges out of it are taken; nothing of it is held any more."""
        self.ended.add(node)
        self.taken.update((node, child) for child, taken in steps if taken)
        for key in self._held_of.pop(node, ()):
            self.held.pop(key, None)

    def forget(self, key: int) -> None:
        """An item ended: nothing of it is held any more."""
        held = self.held.pop(key, None)
        if held is not None:
            self._held_of[held.event.ref.node].discard(key)

    def drop_outcome(self, key: int) -> None:
        """The attempt whose outcome is held back is given up for another one."""
        held = self.held.get(key)
        if held is not None and held.is_after:
            self.forget(key)
