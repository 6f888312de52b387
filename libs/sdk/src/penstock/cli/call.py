"""What every call of a command may say: which server is asked, and how the answer is told."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from cyclopts import Parameter

from penstock.cli.output import Format, print_value
from penstock.cli.session import SERVER, Server
from penstock.sdk.client import Client

Answer = TypeVar("Answer")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The options that all commands have which ask a server and tell its answer.

    The parser makes the options of a command out of the fields, as if they stood in its signature.
    """

    output: Annotated[
        Format,
        Parameter(name=("--output", "-o"), help="table for people, json or yaml for programs."),
    ] = "table"
    server: Server = SERVER

    def session(self) -> AbstractAsyncContextManager[Client]:
        """A client of the server. Raises `UnavailableError` if there is none."""
        return self.server.session()

    def show(self, answer: Answer, table: Callable[[Answer], None]) -> None:
        """Tell an answer: to people as `table` does, to programs as JSON or YAML."""
        if self.output == "table":
            table(answer)
        else:
            print_value(answer, self.output)


CALL = Call()
"""What is meant where nothing is said."""
