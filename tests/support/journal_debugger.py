"""The part of the independent judge that knows what a debugger may do: what it holds stands still
until it is let go, and an outcome that was held back follows as it was, or as it was edited."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from penstock.workflow.execution import debug_events as debug
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import NodeRef

Key = tuple[int, int]
"""Node and item."""
Blame = Callable[[str], None]


def key_of(ref: NodeRef) -> Key:
    return (ref.node, ref.item)


@dataclass
class DebugJudge:
    """`before` is held before it runs; `after` are outcomes that are held back; `due` those that
    were let go and have to follow at once; `edited` the keys whose output is not their worker's."""

    attached: bool = False
    before: set[Key] = field(default_factory=set)
    after: dict[Key, ev.NodeCompleted] = field(default_factory=dict)
    due: ev.NodeCompleted | None = None
    edited: set[Key] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)

    def take(self, event: ev.Event, by_hand: Collection[Key], blame: Blame) -> None:
        """The next event, of whatever kind; `by_hand` are nodes that somebody has laid hands on."""
        if self.due is not None and event != self.due:
            blame(f"{self.due.ref} was let go, but its outcome does not follow")
        self.due = None
        match event:
            case debug.DebugAttached():
                self.attached = True
                self._note(event.command_id, blame)
            case ev.NodeHeld() | debug.NodeReleased() | debug.OutputEdited():
                if not self.attached:
                    blame(f"{type(event).__name__} though nobody debugs")
                self._take_held(event, blame)
            case debug.DebugDetached():
                if self.before or self.after:
                    blame(f"detached with {self.before} and {set(self.after)} held")
                self.attached = False
                self.commands.clear()
            case debug.BreakpointsSet() | debug.BreakpointsCleared() | debug.DebugPaceSet():
                self._note(event.command_id, blame)
            case ev.NodeRunning() | ev.NodeWaiting() | ev.NodeFannedOut() | ev.AttemptLost():
                if key_of(event.ref) in self.before:
                    blame(f"{event.ref}: {type(event).__name__} while a debugger holds it")
            case ev.NodesSkipped() | ev.NodesCancelled():
                for node in event.nodes:
                    self._forget(NodeRef(node))
            case ev.NodeRetried():
                self.after.pop(key_of(event.ref), None)
            case ev.NodeCompleted() | ev.NodeFailed():
                if key_of(event.ref) in self.before and key_of(event.ref) not in by_hand:
                    blame(f"{event.ref} ended while a debugger holds it before it runs")
                self._forget(event.ref)

    def _take_held(
        self, event: ev.NodeHeld | debug.NodeReleased | debug.OutputEdited, blame: Blame
    ) -> None:
        key = key_of(event.ref)
        match event:
            case ev.NodeHeld(outcome=outcome):
                if key in self.before or key in self.after:
                    blame(f"{event.ref} is held twice")
                if outcome is None:
                    self.before.add(key)
                else:
                    self.after[key] = outcome
            case debug.OutputEdited(output=output, command_id=command_id):
                self._note(command_id, blame)
                if key not in self.after:
                    blame(f"{event.ref} has no outcome that could be edited")
                    return
                self.after[key] = msgspec.structs.replace(self.after[key], output=output)
                self.edited.add(key)
            case debug.NodeReleased():
                if key not in self.before and key not in self.after:
                    blame(f"{event.ref} was let go, but nothing held it")
                self.before.discard(key)
                self.due = self.after.pop(key, None)

    def _forget(self, ref: NodeRef) -> None:
        """A node or item ended; with a node its items."""
        self.before = {
            key for key in self.before if key != key_of(ref) and (ref.item or key[0] != ref.node)
        }
        self.after.pop(key_of(ref), None)

    def _note(self, command_id: str, blame: Blame) -> None:
        if command_id and command_id in self.commands:
            blame(f"the debugger's command {command_id} was done twice")
        self.commands.add(command_id)

    def holds_unrun(self, ref: NodeRef) -> bool:
        """True if it is held before it runs."""
        return key_of(ref) in self.before

    def was_edited(self, ref: NodeRef) -> bool:
        """True if a debugger made the output."""
        return key_of(ref) in self.edited
