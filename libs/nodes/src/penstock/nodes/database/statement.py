"""One call of a database node, whatever the database."""

from typing import Any

import msgspec

from penstock.nodes.api import NodeCall, NodeFailure

LEDGER_TABLE = "penstock_ledger"
"""Table that `db.exec@1` keeps in the target database: one row per node that changed it."""

CREATE_LEDGER = (
    f"create table if not exists {LEDGER_TABLE} "
    "(key text primary key, result text, done_at timestamp default current_timestamp)"
)


class Statement(msgspec.Struct, frozen=True):
    """SQL with its arguments; with `args_list` it is run once for each list of arguments.

    `ledger_key` makes it happen once: the same key again gives the first result. Empty: no ledger.
    """

    sql: str
    args: tuple[Any, ...] = ()
    args_list: tuple[tuple[Any, ...], ...] | None = None
    ledger_key: str = ""


class Change(msgspec.Struct, frozen=True):
    """What `db.exec@1` gives. `rows_affected` is None where the database does not tell."""

    rows_affected: int | None
    rows: list[Any] = []


def _arguments(value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise NodeFailure("user", "DB_ARGUMENT", f"{name} must be a list")
    return tuple(value)


def statement_of(call: NodeCall) -> Statement:
    """The statement that a node's configuration asks for."""
    config = call.config
    if "${{" in config["sql"]:
        raise NodeFailure(
            "user", "SQL_HAS_EXPRESSION", "give values through args, never inside the SQL text"
        )
    args_list = None
    if "args_list" in config:
        if "args" in config:
            raise NodeFailure("user", "DB_ARGUMENT", "give only one of args and args_list")
        rows = _arguments(config["args_list"], "args_list")
        args_list = tuple(_arguments(row, "each of args_list") for row in rows)
    return Statement(
        sql=config["sql"],
        args=_arguments(config.get("args", ()), "args"),
        args_list=args_list,
        ledger_key=call.idempotency_key if config.get("ledger", True) else "",
    )
