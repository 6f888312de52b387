"""What an execution asked for and could not get, as lines for people."""

from collections.abc import Iterator

from rich.text import Text

from penstock.sdk.models import Execution, RefusedStart

_SHOWN_MAX = 10
_KINDS = {
    "FAILURE_FLOW": "failure flow",
    "RETRY_HOOK": "retry hook",
    "SUB_WORKFLOW": "sub-workflow",
}


def refused_lines(execution: Execution) -> Iterator[Text]:
    """One for each execution that could not be started, and why."""
    starts = execution.refused_starts
    for start in starts[:_SHOWN_MAX]:
        text = Text("not started: ", style="bold yellow")
        text.append(f"{_KINDS.get(start.kind, start.kind)} {start.workflow}", style="bold default")
        text.append(f"{_of(start)}: {start.failure.reason}\n", style="not bold default")
        text.append(f"  {start.failure.message}", style="not bold default")
        yield text
    if len(starts) > _SHOWN_MAX:
        yield Text(f"and {len(starts) - _SHOWN_MAX} more that were not started")


def _of(start: RefusedStart) -> str:
    """Which node it was for; a failure flow is the execution's own."""
    if start.kind == "FAILURE_FLOW" or not start.node:
        return ""
    return f" of {start.node}" if start.item is None else f" of {start.node}[{start.item}]"
