"""What a debugger can ask of an execution. A key names a node or an item, as in the state."""

import msgspec

from penstock.workflow.execution.debug_events import Breakpoint
from penstock.workflow.execution.values import Payload

BREAKPOINTS_MAX = 200
"""Breakpoints of an execution beside those of its file: every outcome is held against all."""


class Attach(msgspec.Struct, frozen=True, gc=False):
    """Debug it from now on. What workers have goes on; what becomes ready is subject to this."""

    stepping: bool = False
    stop_all: bool = False
    breakpoints: tuple[Breakpoint, ...] = ()
    file_breakpoints: bool = True


class Detach(msgspec.Struct, frozen=True, gc=False):
    """Let everything go and debug no more."""


class SetBreakpoints(msgspec.Struct, frozen=True, gc=False):
    """Add breakpoints, or replace those with the same ids."""

    breakpoints: tuple[Breakpoint, ...]


class ClearBreakpoints(msgspec.Struct, frozen=True, gc=False):
    """Take breakpoints away."""

    ids: tuple[str, ...]


class Stop(msgspec.Struct, frozen=True, gc=False):
    """Hold everything that becomes ready from now on."""


class Continue(msgspec.Struct, frozen=True, gc=False):
    """Let everything go, up to the next breakpoints."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """Let one thing go and hold whatever follows; `into` its sub-workflow, if it is one."""

    key: int | None = None
    into: bool = False


class RunTo(msgspec.Struct, frozen=True, gc=False):
    """Let everything go and hold this node, once, before it runs."""

    node: int


class EditOutput(msgspec.Struct, frozen=True, gc=False):
    """Give the outcome that is held back another output."""

    key: int
    output: Payload


DebugCommand = (
    Attach
    | Detach
    | SetBreakpoints
    | ClearBreakpoints
    | Stop
    | Continue
    | Step
    | RunTo
    | EditOutput
)


class DebugAsked(msgspec.Struct, frozen=True, gc=False):
    """A debugger asks for something; commands with one id are one."""

    command: DebugCommand
    by: str = ""
    command_id: str = ""
