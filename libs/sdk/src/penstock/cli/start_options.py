"""Options of starts."""

import re
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.options import Tags
from penstock.cli.params import build_vars
from penstock.cli.problems import BadInput
from penstock.sdk.start_options import StartOptions

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The options of a start beyond what is run and with which parameters."""

    tag: Tags = None
    key: Annotated[
        str | None,
        Parameter(show_default=False, help="Runs started with the same key are one run."),
    ] = None
    priority: Annotated[
        str,
        Parameter(show_default=False, help="0 (least urgent) to 9, or low ... critical."),
    ] = ""
    delay: Annotated[
        str, Parameter(show_default=False, help="Begin after this time, such as 5m or 1h30m.")
    ] = ""
    not_before: Annotated[
        str,
        Parameter(show_default=False, help="Begin at this instant, such as 2027-01-31T09:00:00Z."),
    ] = ""
    deadline: Annotated[
        str, Parameter(show_default=False, help="End within this time from the beginning on.")
    ] = ""
    id: Annotated[
        str | None,
        Parameter(
            show_default=False,
            help="A name for the run: runs started with the same one are one run.",
        ),
    ] = None
    var: Annotated[
        list[str] | None,
        Parameter(negative="", help="name=value of an execution variable; may be repeated."),
    ] = None
    debug: Annotated[
        bool,
        Parameter(negative="", help="Hold it before its first nodes, for `penstock debug`."),
    ] = False

    def to_options(self) -> StartOptions:
        """As the interface takes them. Raises `BadInput`."""
        return StartOptions(
            priority=int(self.priority) if self.priority.isdecimal() else self.priority or None,
            delay=_time_or_seconds(self.delay),
            not_before=self.not_before or None,
            deadline=_time_or_seconds(self.deadline),
            vars=build_vars(self.var or ()),
            id=_name_of_start(self.id, "--id"),
            debug=self.debug,
        )

    def idempotency_key(self) -> str:
        """The key, or nothing. Raises `BadInput`."""
        return _name_of_start(self.key, "--key")


START = Start()


def _time_or_seconds(text: str) -> str | float | None:
    """A duration such as `5m`, or a bare number of seconds; None if nothing is given."""
    return float(text) if _SECONDS.fullmatch(text) else text or None


def _name_of_start(text: str | None, option: str) -> str:
    """What names a start; empty if the option is not given. Raises `BadInput` for an empty name:
    mostly a variable of a script that is not set, and without a name a repeat would run again."""
    if text == "":
        raise BadInput(f"{option} is empty", fix=f"Give a name, or leave {option} out.")
    return text or ""
