"""What the engine must know of a node type without running it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

Effects = Literal["none", "idempotent", "once"]


class NodeType(msgspec.Struct, frozen=True):
    """The pure half of a node type, found under the entry-point group `penstock.nodes`.

    `config_schema` is the JSON Schema (draft-07) of the node's `with`. Strings that hold `${{ }}`
    are accepted where any scalar is wanted. `raw_fields` are keys of `with` that are passed on
    without evaluating expressions. `effects` is what a run does outside the engine, unless
    `effects_of(config)` knows better. `actions_of(config)` lists the action names a router can
    choose (None: not a router). `runner` is the import path `package.module:function` of the half
    that only workers load. `segment_friendly` says that a run is usually short, so a worker may go
    on with it.
    """

    kind: str
    major: int
    title: str
    description: str
    config_schema: Mapping[str, Any]
    runner: str
    effects: Effects = "none"
    effects_of: Callable[[Mapping[str, Any]], Effects] | None = None
    actions_of: Callable[[Mapping[str, Any]], tuple[str, ...] | None] | None = None
    raw_fields: tuple[str, ...] = ()
    segment_friendly: bool = True

    @property
    def name(self) -> str:
        """As written after `uses:`, such as `http@1`."""
        return f"{self.kind}@{self.major}"
