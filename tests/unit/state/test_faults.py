"""What PostgreSQL's errors mean to callers."""

import asyncpg
import pytest

from penstock.common.errors import Internal, NotFound, Unavailable
from penstock.state.adapters.postgres.faults import operating_error, translated
from penstock.state.ports import Rejected


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.DiskFullError("no space left on device"), "disk is full"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), "read-only"),
        (asyncpg.TooManyConnectionsError("sorry"), "no connection left"),
        (asyncpg.CannotConnectNowError("starting up"), "starting up"),
        (asyncpg.AdminShutdownError("terminating"), "shutting down"),
        (asyncpg.OutOfMemoryError("x"), "out of memory"),
        (asyncpg.DeadlockDetectedError("x"), "deadlock"),
        (asyncpg.QueryCanceledError("x"), "too long"),
        (asyncpg.PostgresIOError("x"), "I/O error"),
        (asyncpg.ConnectionDoesNotExistError("closed"), "connection"),
        (asyncpg.InterfaceError("connection is closed"), "cannot be reached"),
        (ConnectionRefusedError(111, "refused"), "cannot be reached"),
        (TimeoutError(), "in time"),
    ],
)
def test_passing_faults_invite_to_try_again_and_say_why(error, words):
    meant = operating_error(error)
    assert isinstance(meant, Unavailable)
    assert words in meant.message
    assert meant.fix


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("x"),
        asyncpg.DataError("x"),
        asyncpg.NotNullViolationError("x"),
    ],
)
def test_bad_data_is_not_sent_again(error):
    assert isinstance(operating_error(error), Rejected)


def test_an_unknown_fault_is_internal():
    meant = operating_error(asyncpg.UndefinedTableError("x"))
    assert isinstance(meant, Internal)
    assert not isinstance(meant, Rejected)


def test_own_errors_pass_through():
    with pytest.raises(NotFound), translated():
        raise NotFound
