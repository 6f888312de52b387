"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

DataDir = Annotated[Path, Parameter(help="Where an embedded cluster keeps its data.")]
Where = Annotated[
    str,
    Parameter(
        show_default=False,
        help='A query, such as "status:failed workflow:orders tag:eu started>-2h".',
    ),
]
Order = Annotated[Literal["newest", "oldest"], Parameter(help="Which come first.")]
Cursor = Annotated[
    str, Parameter(show_default=False, help="Go on where a page ended: its next cursor.")
]
Limit = Annotated[int, Parameter(help="At most this many on the page, 1 to 500.")]
Param = Annotated[
    list[str] | None,
    Parameter(name=("--param", "-p"), negative="", help="name=value; may be repeated."),
]
Tags = Annotated[
    list[str] | None, Parameter(name="--tag", negative="", help="A label; may be repeated.")
]
OfNode = Annotated[str, Parameter(show_default=False, help="Only of this node.")]
OfWorkflow = Annotated[str, Parameter(show_default=False, help="Only of this workflow.")]
By = Annotated[str, Parameter(show_default=False, help="Who does it, for people.")]
Reason = Annotated[str, Parameter(show_default=False, help="Why, for people.")]
At = Annotated[
    str,
    Parameter(
        show_default=False,
        help="As it was: after this event (a number), or at this instant (2026-01-31T12:00:00Z).",
    ),
]
Id = Annotated[
    str, Parameter(show_default=False, help="Id of an execution, or the name its start chose.")
]
