"""The public JSON of what an execution has to do with others."""

from typing import Literal

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """The past execution that one took outcomes from, and its last event that counted."""

    execution_id: str
    seq: int
    kind: Literal["RERUN", "FORK"]


class ParentLink(msgspec.Struct, frozen=True):
    """The execution whose node started another one as its sub-workflow; `depth` are above it."""

    execution_id: str
    depth: int
