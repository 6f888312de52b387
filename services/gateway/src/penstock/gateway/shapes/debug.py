"""The public JSON of the debugger."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from penstock.gateway.shapes.executions import Failure


class BreakpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an execution is to be held. Without `node` at every node; with `parent` only if the
    edge from there is taken; with `condition` only if that `${{ }}` text is true; from the
    `hits`-th time on; `once`, then it goes."""

    node: str = ""
    id: str = ""
    parent: str = ""
    place: Literal["before", "after"] = "before"
    condition: str = ""
    hits: int = 1
    once: bool = False


class BreakpointsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Breakpoints to add, or to put in the place of those with the same ids."""

    breakpoints: tuple[BreakpointBody, ...] = ()


class AttachBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to debug. `stepping`: hold everything that becomes ready; `stop_all`: as soon as a
    breakpoint has held something. Breakpoints of the file count too unless `ignore_file`."""

    stepping: bool = False
    stop_all: bool = False
    breakpoints: tuple[BreakpointBody, ...] = ()
    ignore_file: bool = False
    by: str = ""


class StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to let go: a node, or the item `item` (from 0) of its fan-out; without, what has been
    held the longest. `into`: debug the sub-workflow that it starts."""

    node: str = ""
    item: int | None = None
    into: bool = False


class RunToBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The node to hold before it runs."""

    node: str = ""


class InputBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new input: an object keyed by parent; for the item `item` (from 0) its
    value."""

    input: Raw | UnsetType = UNSET
    item: int | None = None


class OutputBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new output."""

    output: Raw | UnsetType = UNSET


class Breakpoint(msgspec.Struct, frozen=True):
    """A breakpoint and how often it was met."""

    id: str
    node: str | None
    parent: str | None
    place: str
    condition: str
    hits: int
    once: bool
    met: int


class HeldNode(msgspec.Struct, frozen=True):
    """A node, or the item `item` (from 0) of its fan-out, that is held: before it runs, or after,
    with the output that is held back."""

    node: str
    item: int | None
    attempt: int
    place: str
    breakpoint: str | None
    note: str
    since: str
    output: Raw | None = None


class DebugState(msgspec.Struct, frozen=True):
    """Where a debugged execution stands, as of `last_seq`."""

    attached: bool
    by: str
    stepping: bool
    stop_all: bool
    breakpoints: tuple[Breakpoint, ...]
    held: tuple[HeldNode, ...]
    status: str
    last_seq: int


class NodeInside(msgspec.Struct, frozen=True, kw_only=True):
    """What a node sees, or would see if it ran now. `input` is keyed by parent; `edited_input` is
    what it gets instead, `reads` what its expressions read beyond its parents."""

    node: str
    status: str
    attempt: int
    held: HeldNode | None
    input: dict[str, Raw]
    edited_input: Raw | None
    item: Raw | None
    params: Raw
    vars: Raw
    reads: dict[str, Raw]
    output: Raw | None
    failure: Failure | None
