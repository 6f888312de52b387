"""Debugger commands as scenarios write them: `debug step a`, `debug break b1 at=b if=item_>_1`."""

from collections.abc import Callable
from typing import Any

from penstock.coordinator.core import debug_commands as cmd
from penstock.workflow.execution.debug_events import (
    Breakpoint,
    BreakpointsCleared,
    BreakpointsSet,
    DebugAttached,
    DebugPaceSet,
    Place,
)
from penstock.workflow.execution.events import NodeHeld, StartOptions
from penstock.workflow.execution.values import Payload
from penstock.workflow.plan import Plan


def read_command(plan: Plan, words: list[str]) -> cmd.DebugAsked:
    """`words` as in a scenario; `id=...` anywhere names the command."""
    ids = [word.removeprefix("id=") for word in words if word.startswith("id=")]
    words = [word for word in words if not word.startswith("id=")]
    return cmd.DebugAsked(_command(plan, words), "ann", ids[0] if ids else "")


def _command(plan: Plan, words: list[str]) -> cmd.DebugCommand:
    match words:
        case ["attach", *flags]:
            return cmd.Attach("stepping" in flags, "stop_all" in flags)
        case ["break", name, *flags]:
            return cmd.SetBreakpoints((_breakpoint(plan, name, flags),))
        case ["clear", *names]:
            return cmd.ClearBreakpoints(tuple(names))
        case ["stop"]:
            return cmd.Stop()
        case ["continue"]:
            return cmd.Continue()
        case ["step", *names]:
            into = "into" in names
            chosen = [key_of(plan, name) for name in names if name != "into"]
            return cmd.Step(chosen[0] if chosen else None, into)
        case ["run-to", name]:
            return cmd.RunTo(plan.index_of(name))
        case ["output", name, json]:
            return cmd.EditOutput(key_of(plan, name), Payload(json.encode()))
        case ["detach"]:
            return cmd.Detach()
    raise ValueError(f"what is {words}?")


def key_of(plan: Plan, text: str) -> int:
    """`each[2]` is an item of a node, `a` a node."""
    name, _, item = text.rstrip("]").partition("[")
    return int(item or 0) * len(plan.nodes) + plan.index_of(name)


def _breakpoint(plan: Plan, name: str, flags: list[str]) -> Breakpoint:
    given = dict(flag.split("=", 1) for flag in flags if "=" in flag)
    return Breakpoint(
        name,
        plan.index_of(given["at"]) if "at" in given else -1,
        plan.index_of(given["from"]) if "from" in given else -1,
        Place.AFTER if "after" in flags else Place.BEFORE,
        f"${{{{ {given['if'].replace('_', ' ')} }}}}" if "if" in given else "",
        int(given.get("hits", 1)),
        "once" in flags,
    )


def shown_event(value: Any, shown: Callable[[Any], str]) -> str | None:
    """An event of debugging in one line; None for others."""
    match value:
        case NodeHeld(ref=ref, breakpoint=point, outcome=outcome, note=note):
            words = ["NodeHeld", shown(ref), point and f"by {point}", note]
            words += [f"with {shown(outcome.output)}"] if outcome is not None else []
            return " ".join(word for word in words if word)
        case DebugAttached() | BreakpointsSet():
            points = " ".join(each.id for each in value.breakpoints)
            flags = [flag for flag in ("stepping", "stop_all") if getattr(value, flag, False)]
            return " ".join([type(value).__name__, *flags, points]).rstrip()
        case BreakpointsCleared(ids=ids):
            return f"BreakpointsCleared {' '.join(ids)}"
        case DebugPaceSet(stepping=stepping):
            return f"DebugPaceSet {'stepping' if stepping else 'running'}"
        case StartOptions():
            return "debug" if value.debug else ""
    return None
