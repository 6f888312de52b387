"""The public JSON of operations on many executions."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

OperationKindName = Literal[
    "cancel", "pause", "resume", "signal", "retry", "discard", "restore", "delete", "rerun"
]


class OperationBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_nodes": "from"}
):
    """What is done, to what `query` finds or to the executions in `ids`. `signal` and `payload`
    belong to signal, `from` to rerun, `version` to retry and rerun, `from_start` to retry. With
    `dry_run` nothing is done."""

    kind: str = ""
    query: str = ""
    ids: tuple[str, ...] = ()
    reason: str = ""
    signal: str = ""
    payload: Raw | UnsetType = UNSET
    from_nodes: tuple[str, ...] = ()
    version: int = 0
    from_start: bool = False
    rate_per_s: int | None = None
    dry_run: bool = False


class OperationFailure(msgspec.Struct, frozen=True):
    """One execution for which it did not work, or (`skipped`) nothing was to be done."""

    execution_id: str
    reason: str
    message: str
    skipped: bool


class BatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation with how far it is. There were `matched` executions when it began, or at least
    that many if not `matched_exact`; `failures` holds the first 100."""

    id: str | None
    kind: str
    query: str
    state: Literal["RUNNING", "COMPLETED", "CANCELLED", "FAILED"]
    matched: int
    matched_exact: bool
    done: int
    skipped: int
    failed: int
    reason: str
    rate_per_s: int
    created_at: str | None
    ended_at: str | None
    failures: tuple[OperationFailure, ...]


class StartedOperation(BatchOperation, frozen=True, kw_only=True):
    """An operation that was begun; `existing` if an earlier request with the same key did. Of a dry
    run `id` is null and `sample_ids` are some of the executions."""

    existing: bool
    sample_ids: tuple[str, ...]


class OperationPage(msgspec.Struct, frozen=True):
    """A page of operations, newest first, without failures. `next_cursor` is null on the last
    page."""

    items: tuple[BatchOperation, ...]
    next_cursor: str | None
