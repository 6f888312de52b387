"""What an operation of the REST interface is, and the parameters that many of them share."""

from collections.abc import Sequence
from typing import Any

import msgspec

JSON = "application/json"
YAML = "application/yaml"
PROBLEM = "application/problem+json"
STREAM = "text/event-stream"

Struct = type[msgspec.Struct]


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation; those in the path are required."""

    name: str
    place: str
    about: str
    kind: str = "string"


class Answered(msgspec.Struct, frozen=True):
    """One answer: what it means and what it holds."""

    status: int
    about: str
    body: Struct | None = None
    media: str = JSON


class Operation(msgspec.Struct, frozen=True):
    """One address with one method. `problems` are statuses of problem details beyond the usual
    ones.
    """

    path: str
    method: str
    name: str
    summary: str
    answers: Sequence[Answered]
    parameters: Sequence[Parameter] = ()
    body: Struct | str | None = None
    problems: Sequence[int] = ()
    extra: dict[str, Any] = {}


def in_path(name: str, about: str) -> Parameter:
    """A part of the path."""
    return Parameter(name, "path", about)


def in_query(name: str, about: str, kind: str = "string") -> Parameter:
    """A value of the query."""
    return Parameter(name, "query", about, kind)


FILE = "file"
"""Body of an operation that takes a workflow file."""
NAME = in_path("name", "The workflow's name.")
ID = in_path("execution_id", "The execution's id, or the name that its start chose.")
LIMIT = in_query("limit", "Items on the page, 1 to 500; 50 by default.", "integer")
CURSOR = in_query("cursor", "`next_cursor` of the page before.")
VERSION = in_query("version", "Version number; the latest without it.", "integer")
WAIT = in_query("wait", "How long to wait for the end: 30s, 500ms, 2m; at most 300s.")
KEY = Parameter("Idempotency-Key", "header", "Starts with one key and workflow are one start.")
AFTER = in_query("after", "Go on after this sequence number.", "integer")
LAST = Parameter("Last-Event-ID", "header", "As `after`; sent by browsers when they reconnect.")
