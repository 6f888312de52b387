"""Events of debugging. Field meanings are those of the journal's contract; `NodeHeld` stands beside
the outcome that it may hold back, in `events`."""

from enum import IntEnum

import msgspec

from penstock.workflow.execution.values import NodeRef, Payload


class Place(IntEnum):
    """When a breakpoint holds; numbers as in the journal's contract."""

    BEFORE = 1
    AFTER = 2


class Breakpoint(msgspec.Struct, frozen=True, gc=False):
    """Where a debugged execution is to be held: at a node (-1: at every node), if it was reached
    over the edge from `parent` (-1: over any), if `condition` is true, from the `hits`-th time
    on."""

    id: str
    node: int = -1
    parent: int = -1
    place: Place = Place.BEFORE
    condition: str = ""
    hits: int = 1
    once: bool = False


class DebugAttached(msgspec.Struct, frozen=True, gc=False):
    """Somebody debugs the execution from now on."""

    by: str = ""
    stepping: bool = False
    stop_all: bool = False
    breakpoints: tuple[Breakpoint, ...] = ()
    command_id: str = ""


class DebugDetached(msgspec.Struct, frozen=True, gc=False):
    """Nobody does any more; what was held was let go."""

    by: str = ""


class BreakpointsSet(msgspec.Struct, frozen=True, gc=False):
    """Breakpoints were added, or replaced under their ids."""

    breakpoints: tuple[Breakpoint, ...]
    command_id: str = ""


class BreakpointsCleared(msgspec.Struct, frozen=True, gc=False):
    """Breakpoints were taken away."""

    ids: tuple[str, ...]
    command_id: str = ""


class DebugPaceSet(msgspec.Struct, frozen=True, gc=False):
    """From now on everything is held before it runs (`stepping`), or only what a breakpoint
    holds."""

    stepping: bool
    command_id: str = ""
    by: str = ""


class NodeReleased(msgspec.Struct, frozen=True, gc=False):
    """What was held goes on; an outcome that was held back follows in the same row. `into`: the
    sub-workflow that it starts is to be debugged."""

    ref: NodeRef
    into: bool = False


class BreakpointPassed(msgspec.Struct, frozen=True, gc=False):
    """A breakpoint was met, but not often enough yet to hold."""

    breakpoint: str
    ref: NodeRef


class OutputEdited(msgspec.Struct, frozen=True, gc=False):
    """The outcome that is held back has another output from now on."""

    ref: NodeRef
    output: Payload
    command_id: str = ""
    by: str = ""


DebugEvent = (
    DebugAttached
    | DebugDetached
    | BreakpointsSet
    | BreakpointsCleared
    | DebugPaceSet
    | NodeReleased
    | BreakpointPassed
    | OutputEdited
)
