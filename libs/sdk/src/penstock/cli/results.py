"""How an execution ended: its result on standard output, its failure on standard error."""

from collections.abc import Collection
from typing import Any

import msgspec
from rich.text import Text

from penstock.cli.exit_codes import ExitCode
from penstock.cli.output import Format, print_value
from penstock.cli.problems import error_console
from penstock.cli.texts import duration_text, seconds_between
from penstock.sdk.client import Client
from penstock.sdk.models import Execution

_NAMES_SHOWN_MAX = 10
_DETAILS_CHARS_MAX = 400


async def open_value(client: Client, value: Any) -> Any:
    """The value itself where a reference to a large one stands."""
    if isinstance(value, dict) and value.keys() == {"$ref", "size"}:
        return msgspec.json.decode(await client.payload(value["$ref"]))
    return value


def exit_code_of(status: str) -> ExitCode:
    """0 for a good end, 1 for a bad one."""
    return ExitCode.OK if status == "COMPLETED" else ExitCode.EXECUTION_FAILED


def _print_failure(execution: Execution) -> None:
    failure = execution.failure
    text = Text(f"{execution.status.lower().replace('_', ' ')}", style="bold red")
    if execution.failed_node:
        text.append(f" at {execution.failed_node}", style="bold default")
    if failure is not None:
        family = f" ({failure.error_class})" if failure.error_class else ""
        text.append(f": {failure.reason}{family}", style="not bold default")
        text.append(f"\n  {failure.message}", style="not bold default")
        if failure.details is not None:
            details = msgspec.json.encode(failure.details).decode()
            if len(details) > _DETAILS_CHARS_MAX:
                details = f"{details[:_DETAILS_CHARS_MAX]}... (all of it with --output json)"
            text.append(f"\n  {details}", style="not bold dim")
    if execution.partial:
        text.append(f"\n  there is output of {_named(execution.partial)}", style="not bold default")
    error_console().print(text)


def _named(outputs: Collection[str]) -> str:
    shown = ", ".join(list(outputs)[:_NAMES_SHOWN_MAX])
    more = len(outputs) - _NAMES_SHOWN_MAX
    return f"{shown} and {more} more nodes" if more > 0 else shown


async def print_result(client: Client, execution: Execution, form: Format) -> ExitCode:
    """Print how an ended execution ended: as a table its output alone, else all of it."""
    output = await open_value(client, execution.output)
    if form != "table":
        print_value(msgspec.structs.replace(execution, output=output), form)
        return exit_code_of(execution.status)
    if execution.status == "COMPLETED":
        print_value(output, "json")
    else:
        _print_failure(execution)
    return exit_code_of(execution.status)


def took_text(started_at: str | None, finished_at: str | None) -> str:
    """How long something took; empty while it runs."""
    return duration_text(seconds_between(started_at, finished_at))
