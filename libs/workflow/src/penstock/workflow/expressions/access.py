"""What an expression or script reads from outside, as far as its text tells."""

import msgspec


class Access(msgspec.Struct, frozen=True, gc=False):
    """One mention of an outside name: `nodes.a.output` is root `nodes`, key `a`, field `output`.

    `key` is None if the name is used as a whole or with a computed key. `offset` counts characters
    in the source.
    """

    root: str
    offset: int
    key: str | None = None
    field: str | None = None
