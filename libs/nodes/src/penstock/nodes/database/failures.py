"""Database errors as failures: what may heal by itself, and what cannot."""

import re

from penstock.nodes.api import NodeFailure

_SECRET = re.compile(r"(://[^:/@\s]*):[^@\s]*@")
_TRANSIENT_CLASSES = ("08", "40", "53", "57", "58", "XX")
_TRANSIENT_STATES = ("55P03", "55006")


def shown_url(url: str) -> str:
    """The address without its password."""
    return _SECRET.sub(r"\1:***@", url)


def of_sqlstate(sqlstate: str, message: str, details: dict[str, str]) -> NodeFailure:
    """The failure for a SQLSTATE (PostgreSQL manual, appendix A)."""
    facts = {"sqlstate": sqlstate, **{name: text for name, text in details.items() if text}}
    if sqlstate.startswith(_TRANSIENT_CLASSES) or sqlstate in _TRANSIENT_STATES:
        reason = "DB_SERIALIZATION" if sqlstate.startswith("40") else "DB_UNAVAILABLE"
        return NodeFailure("transient", reason, message, facts)
    if sqlstate.startswith("23"):
        return NodeFailure("permanent", "DB_CONSTRAINT", message, facts)
    if sqlstate.startswith("42"):
        return NodeFailure("permanent", "DB_SYNTAX", message, facts)
    if sqlstate.startswith(("28", "3D")):
        return NodeFailure("user", "DB_REFUSED", message, facts)
    return NodeFailure("permanent", "DB_ERROR", message, facts)


def unreachable(url: str, error: Exception) -> NodeFailure:
    """The failure for a database that cannot be reached or went away."""
    text = f"{shown_url(url)}: {error or type(error).__name__}"
    return NodeFailure("transient", "DB_CONNECTION", text)


def bad_argument(message: str) -> NodeFailure:
    """The failure for an argument that does not fit its parameter."""
    return NodeFailure("user", "DB_ARGUMENT", message)


def too_many_rows(limit: int) -> NodeFailure:
    """The failure for a result above the server's limit."""
    return NodeFailure(
        "permanent", "TOO_MANY_ROWS", f"the query gives more than {limit} rows; add a LIMIT"
    )
