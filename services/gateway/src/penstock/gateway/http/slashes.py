"""Ids with slashes in paths: the id of a schedule holds its cron expression, such as `*/5 * * * *`.

The server hands paths over decoded, where `%2F` looks like a separator. Here, before routing, an
encoded slash within a part of the path becomes a character of the private use area, which no id
holds; the route puts the slash back.
"""

from typing import cast
from urllib.parse import unquote

from litestar.types import Scope

_MARK = "\ue000"


def keep_slashes(scope: Scope) -> Scope:
    """The scope with encoded slashes kept out of the way of routing."""
    raw = scope.get("raw_path") or b""
    if b"%2" not in raw:
        return scope
    parts = raw.decode("latin-1").split("/")
    path = "/".join(unquote(part).replace("/", _MARK) for part in parts)
    return cast("Scope", {**scope, "path": path})


def with_slashes(part: str) -> str:
    """A part of a path as it was meant."""
    return part.replace(_MARK, "/")
