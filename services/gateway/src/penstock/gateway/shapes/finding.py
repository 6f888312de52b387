"""The public JSON of searches and dead letters."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from penstock.gateway.shapes.executions import Execution, ExecutionSummary, Failure

LetterStateName = Literal["open", "retried", "discarded"]


class ExecutionCount(msgspec.Struct, frozen=True):
    """How many executions a query finds; if not `exact`, there are at least that many."""

    count: int
    exact: bool


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about a dead letter. `reason` is why it was discarded, `retried_as` the
    execution in its place."""

    state: str
    reason: str = ""
    settled_at: str | None = None
    retried_as: str | None = None


class DeadLetterSummary(ExecutionSummary, frozen=True, kw_only=True):
    """One dead letter in a list: the execution that failed, and what was done about it."""

    letter: Letter


class DeadLetterPage(msgspec.Struct, frozen=True):
    """A page of dead letters. `next_cursor` is null on the last page; a page may be short, or
    empty, and yet not be the last."""

    items: tuple[DeadLetterSummary, ...]
    next_cursor: str | None


class FailedNode(msgspec.Struct, frozen=True, kw_only=True):
    """The node that decided the end: its last attempt, why it failed, and the outputs of its
    parents by their ids."""

    id: str
    uses: str
    attempt: int
    failure: Failure | None
    input: dict[str, Raw]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter with everything that is known of it. `failed` is null if no single node
    decided the end, as when time was up."""

    letter: Letter
    failed: FailedNode | None
    execution: Execution


class RetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What should be different: other `params`, another `version`, another `input` of the failed
    node, keyed by parent; nothing for the same again. With `from_start` every node runs again, else
    outcomes up to the failed node are taken over."""

    params: Raw | UnsetType = UNSET
    version: int = 0
    from_start: bool = False
    input: Raw | UnsetType = UNSET


class Retried(msgspec.Struct, frozen=True):
    """The execution in the place of the dead one; `existing` if it was started by an earlier
    request."""

    id: str
    retried_as: str
    existing: bool
    status: str


class DiscardBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why nothing is to be done."""

    reason: str = ""


class LetterAnswer(msgspec.Struct, frozen=True):
    """Where the dead letter stands now."""

    id: str
    letter: Letter
