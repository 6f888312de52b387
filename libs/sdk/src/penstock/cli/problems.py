"""Errors as people read them: what, where, why, and what would be right."""

import asyncio
import functools
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ParamSpec

from rich.console import Console
from rich.text import Text

from penstock.cli.exit_codes import ExitCode
from penstock.embedded.errors import ClusterError
from penstock.sdk.errors import (
    ApiError,
    InvalidRequestError,
    NotFoundError,
    ServerFault,
    UnavailableError,
)
from penstock.sdk.models import Issue

_WIDTH_MAX = 160


class BadInput(Exception):
    """What the user gave cannot be used."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class InvalidFile(Exception):
    """A workflow file has errors; they are told with their lines."""

    def __init__(self, name: str, source: str, issues: Iterable[Issue]) -> None:
        super().__init__(name)
        self.name = name
        self.source = source
        self.issues = tuple(issues)


def error_console() -> Console:
    """Where messages for people go: standard error, so that standard output is only results."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_issues(console: Console, name: str, source: str, issues: Iterable[Issue]) -> None:
    """Each finding with its line of the file below it."""
    lines = source.splitlines()
    for issue in issues:
        colour = {"error": "red", "warning": "yellow"}.get(issue.severity, "blue")
        place = f"{name}:{issue.line}:{issue.column}" if issue.line else name
        text = Text()
        text.append(place, style="bold")
        text.append(f" {issue.severity}", style=colour)
        text.append(f" {issue.code}" if issue.code else "", style="dim")
        text.append(f"\n  {issue.message}")
        if issue.path:
            text.append(f"  ({issue.path})", style="dim")
        if 0 < issue.line <= len(lines):
            _append_line(text, lines[issue.line - 1], issue)
        if issue.fix:
            text.append("\n  fix: ", style="green")
            text.append(issue.fix)
        console.print(text)


def _append_line(text: Text, line: str, issue: Issue) -> None:
    number = f"  {issue.line:>5} | "
    text.append(f"\n{number}", style="dim")
    text.append(line[:_WIDTH_MAX])
    if 0 < issue.column <= min(len(line), _WIDTH_MAX) + 1:
        blank = "".join("\t" if c == "\t" else " " for c in line[: issue.column - 1])
        text.append(f"\n{' ' * (len(number) - 2)}| {blank}")
        text.append("^", style="bold red")


def _print_error(console: Console, message: str, fix: str, code: str = "") -> None:
    text = Text("error", style="bold red")
    text.append(f" {code}" if code else "", style="dim")
    text.append(": ")
    text.append(message, style="not bold default")
    if fix:
        text.append("\n  fix: ", style="green")
        text.append(fix, style="not bold default")
    console.print(text)


def _print_api_error(console: Console, error: ApiError) -> None:
    problem = error.problem
    _print_error(console, problem.detail or problem.title, problem.fix, problem.code)
    for issue in problem.errors:
        told = len(problem.errors) == 1 and issue.message in problem.detail
        if not (told and issue.fix in ("", problem.fix)):
            print_issues(console, issue.path or "request", "", (issue,))
    if problem.trace_id and isinstance(error, ServerFault):
        console.print(Text(f"  trace: {problem.trace_id}", style="dim"))


def _code_of(error: ApiError) -> ExitCode:
    match error:
        case UnavailableError():
            return ExitCode.UNAVAILABLE
        case NotFoundError():
            return ExitCode.NOT_FOUND
        case InvalidRequestError():
            return ExitCode.BAD_INPUT
        case _:
            return ExitCode.REFUSED


def report(error: BaseException, console: Console) -> ExitCode:
    """Tell an error and say which exit code it means. Raises what it does not know."""
    match error:
        case InvalidFile():
            print_issues(console, error.name, error.source, error.issues)
            count = sum(issue.severity == "error" for issue in error.issues)
            console.print(f"{error.name}: {count} error{'s' if count != 1 else ''}")
            return ExitCode.BAD_INPUT
        case BadInput():
            _print_error(console, error.message, error.fix)
            return ExitCode.BAD_INPUT
        case ClusterError():
            _print_error(console, error.message, error.fix)
            return ExitCode.UNAVAILABLE
        case ApiError():
            _print_api_error(console, error)
            return _code_of(error)
        case _:
            raise error


Options = ParamSpec("Options")


def with_exit_code(
    work: Callable[Options, Coroutine[Any, Any, ExitCode | None]],
) -> Callable[Options, ExitCode]:
    """Make a command of a coroutine function: it is run to its end, errors are told, not raised.
    What it returns is the exit code; one that returns nothing went well."""

    @functools.wraps(work)
    def command(*args: Options.args, **options: Options.kwargs) -> ExitCode:
        try:
            return asyncio.run(work(*args, **options)) or ExitCode.OK
        except KeyboardInterrupt:
            return ExitCode.INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK
        except (InvalidFile, BadInput, ClusterError, ApiError) as error:
            return report(error, error_console())

    return command
