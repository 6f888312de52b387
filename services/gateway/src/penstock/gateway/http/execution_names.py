"""Executions by the names that their starts chose: where an id is asked for, such a name will do.

A start that chooses a name has an id that is computed from the account and this name, so nothing
needs to be looked up. A text that is written like an id is one; `name:` in front makes it a name.
"""

from penstock.common.errors import InvalidArgument, NotFound, PenstockError
from penstock.common.ids import execution_ulid, is_ulid
from penstock.gateway.http.requests import NAME_CHARS_MAX, Connection, tenant_of
from penstock.gateway.http.slashes import with_slashes

_SHOWN = ("execution_id", "other_id")
"""Parts of paths that name executions."""


def execution_id_of(connection: Connection, part: str, place: str = "path.execution_id") -> str:
    """The id of the execution that a request names, by its id or by its name."""
    text = with_slashes(part)
    if not text or len(text) > NAME_CHARS_MAX or not text.isprintable():
        raise InvalidArgument(
            f"{text[:40]!r} names no execution.",
            fix="Give an id, such as 01JD0000000000000000000000, or the name that a start chose.",
            path=place,
        )
    return execution_ulid(tenant_of(connection), text)


def told_by_name(connection: Connection, error: PenstockError) -> PenstockError:
    """The error in the words of who asked: an execution that is not there was asked for by name,
    and its computed id means nothing to anybody."""
    if not isinstance(error, NotFound):
        return error
    for part in (connection.scope.get("path_params") or {}).items():
        name = with_slashes(str(part[1]))
        if part[0] not in _SHOWN or is_ulid(name):
            continue
        known = execution_ulid(tenant_of(connection), name)
        if f"here is no execution {known}" in error.message:
            return NotFound(
                f"There is no execution {name[:80]!r}: no start chose this name, and it is no id.",
                fix="Ids have 26 characters, such as 01JD0000000000000000000000; "
                "`GET /v1/executions` lists executions.",
            )
        if known in error.message:
            return NotFound(error.message.replace(known, repr(name[:80])), fix=error.fix)
    return error
