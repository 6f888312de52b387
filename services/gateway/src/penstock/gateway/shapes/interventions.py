"""The public JSON of interventions: pause, resume, what is done to nodes by hand."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

OperationName = Literal["retry", "skip", "complete", "fail", "edit"]


class HandBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, and why: for people. Requests with one `id` are one."""

    by: str = ""
    reason: str = ""
    id: str = ""


class Paused(msgspec.Struct, frozen=True):
    """Where the execution stands after the request: PAUSED or RUNNING; of a request that was
    carried out before whatever it is now.
    """

    id: str
    status: str


class InterventionBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """What to do to a node, or to the item `item` (from 0) of its fan-out.

    `output` and `chosen` are for `complete`, `input` for `edit`, `message` for `fail`.
    Interventions with the same `id` are one intervention.
    """

    operation: OperationName
    item: int | None = None
    by: str = ""
    reason: str = ""
    output: Raw | UnsetType = UNSET
    chosen: tuple[str, ...] | None = None
    input: Raw | UnsetType = UNSET
    message: str = ""
    id: str = ""


class Intervened(msgspec.Struct, frozen=True):
    """Where the node or item stands now."""

    id: str
    node: str
    item: int | None
    status: str
    attempt: int
