"""Options of starts."""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.problems import BadInput

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")

FileOrName = Annotated[
    Path,
    Parameter(
        help="A workflow file, - for standard input, or the name of a workflow that was applied."
    ),
]
OfWorkflow = Annotated[
    int, Parameter(help="Of a workflow that is named: which version; 0 is the latest.")
]
Key = Annotated[
    str | None,
    Parameter(show_default=False, help="Runs started with the same key are one run."),
]
Priority = Annotated[
    str,
    Parameter(show_default=False, help="0 (least urgent) to 9, or low ... critical."),
]
Delay = Annotated[
    str, Parameter(show_default=False, help="Begin after this time, such as 5m or 1h30m.")
]
NotBefore = Annotated[
    str, Parameter(show_default=False, help="Begin at this instant, such as 2027-01-31T09:00:00Z.")
]
Deadline = Annotated[
    str, Parameter(show_default=False, help="End within this time from the beginning on.")
]
ChosenId = Annotated[
    str | None,
    Parameter(
        show_default=False, help="A name for the run: runs started with the same one are one run."
    ),
]
Vars = Annotated[
    list[str] | None,
    Parameter(
        name="--var", negative="", help="name=value of an execution variable; may be repeated."
    ),
]


def time_or_seconds(text: str) -> str | float | None:
    """A duration such as `5m`, or a bare number of seconds; None if nothing is given."""
    return float(text) if _SECONDS.fullmatch(text) else text or None


def name_of_start(text: str | None, option: str) -> str:
    """What names a start; empty if the option is not given. Raises `BadInput` for an empty name:
    mostly a variable of a script that is not set, and without a name a repeat would run again."""
    if text == "":
        raise BadInput(f"{option} is empty", fix=f"Give a name, or leave {option} out.")
    return text or ""
