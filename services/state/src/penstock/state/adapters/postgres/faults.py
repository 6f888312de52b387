"""What PostgreSQL's errors mean: driver exceptions become operating errors here."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from penstock.common.errors import Internal, PenstockError, Unavailable
from penstock.state.ports import Rejected

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Everything that a call of the driver raises when PostgreSQL is at fault, or on its way down."""

_PASSING: dict[str, str] = {
    "25006": "PostgreSQL is read-only",
    "53000": "PostgreSQL is out of resources",
    "53100": "PostgreSQL's disk is full",
    "53200": "PostgreSQL is out of memory",
    "53300": "PostgreSQL has no connection left",
    "53400": "PostgreSQL has reached a configured limit",
    "55P03": "PostgreSQL could not get a lock",
    "57014": "PostgreSQL took too long",
    "57P01": "PostgreSQL is shutting down",
    "57P02": "PostgreSQL has crashed",
    "57P03": "PostgreSQL is starting up",
    "57P05": "PostgreSQL closed an idle session",
    "58000": "PostgreSQL met a system error",
    "58030": "PostgreSQL met an I/O error",
    "40001": "PostgreSQL could not serialise the transaction",
    "40P01": "PostgreSQL broke a deadlock",
}
_PASSING_CLASSES = {"08": "the connection to PostgreSQL broke"}
_DATA_CLASSES = {"22", "23"}
_FIX = "Nothing is lost; the service goes on by itself when PostgreSQL accepts writes again."


def operating_error(error: Exception) -> PenstockError:
    """The operating error that a driver's exception stands for."""
    code = str(getattr(error, "sqlstate", None) or "")
    cause = _PASSING.get(code) or _PASSING_CLASSES.get(code[:2])
    if cause is not None:
        return Unavailable(f"{cause}: {error}", fix=_FIX)
    if code[:2] in _DATA_CLASSES or isinstance(error, asyncpg.DataError):
        return Rejected(f"PostgreSQL refused a value: {error}")
    if isinstance(error, asyncpg.PostgresError):
        return Internal(f"PostgreSQL failed: {error}")
    if isinstance(error, TimeoutError):
        return Unavailable("PostgreSQL does not answer in time", fix=_FIX)
    return Unavailable(f"PostgreSQL cannot be reached: {error}", fix=_FIX)


@contextmanager
def translated() -> Iterator[None]:
    """Let no driver exception out of the block."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise operating_error(error) from error
