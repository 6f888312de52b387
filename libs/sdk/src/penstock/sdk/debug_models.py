"""What the interface answers about debugged executions, as Python values."""

from typing import Any

import msgspec

from penstock.sdk.models import Failure


class BreakpointAt(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an execution is to be held. Without `node` at every node; with `parent` only if the
    edge from there is taken; from the `hits`-th time on; `once`, then it goes."""

    node: str = ""
    id: str = ""
    parent: str = ""
    place: str = "before"
    condition: str = ""
    hits: int = 1
    once: bool = False


class Breakpoint(msgspec.Struct, frozen=True):
    """A breakpoint and how often it was met."""

    id: str
    node: str | None = None
    parent: str | None = None
    place: str = "before"
    condition: str = ""
    hits: int = 1
    once: bool = False
    met: int = 0


class HeldNode(msgspec.Struct, frozen=True):
    """A node, or the item `item` (from 0) of its fan-out, that is held: `before` it runs, or
    `after`, then with its output."""

    node: str
    item: int | None = None
    attempt: int = 0
    place: str = "before"
    breakpoint: str | None = None
    note: str = ""
    since: str = ""
    output: Any = None


class DebugState(msgspec.Struct, frozen=True):
    """Where a debugged execution stands, as of `last_seq`."""

    attached: bool = False
    by: str = ""
    stepping: bool = False
    stop_all: bool = False
    breakpoints: tuple[Breakpoint, ...] = ()
    held: tuple[HeldNode, ...] = ()
    status: str = ""
    last_seq: int = 0


class NodeInside(msgspec.Struct, frozen=True, kw_only=True):
    """What a node sees, or would see if it ran now."""

    node: str
    status: str
    attempt: int = 0
    held: HeldNode | None = None
    input: dict[str, Any] = {}
    edited_input: Any = None
    item: Any = None
    params: Any = None
    vars: dict[str, Any] = {}
    reads: dict[str, Any] = {}
    output: Any = None
    failure: Failure | None = None
