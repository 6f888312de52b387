"""The public JSON of the effect ledger."""

import msgspec


class EffectAttempt(msgspec.Struct, frozen=True):
    """One try: `open`, `committed`, `failed`, `may_have_happened` or `not_happened`; `at` is when
    that became known, `note` why.
    """

    attempt: int
    outcome: str
    at: str | None
    worker: str
    note: str


class Effect(msgspec.Struct, frozen=True):
    """What is known of the effect of a node, or of the item `item` (from 0) of its fan-out.
    JavaScript adds an ordinal of its own to `idempotency_key`.
    """

    node: str
    item: int | None
    effects: str
    idempotency_key: str
    attempts: tuple[EffectAttempt, ...]


class EffectPage(msgspec.Struct, frozen=True):
    """A page of the ledger, in plan order. `next_cursor` is null on the last page."""

    items: tuple[Effect, ...]
    next_cursor: str | None
