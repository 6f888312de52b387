"""Options of starts."""

from typing import Annotated

from cyclopts import Parameter

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
    str,
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
