"""The syntax tree of expressions that can be evaluated natively."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

UnaryOp = Literal["!", "-", "+"]
LogicalOp = Literal["&&", "||", "??"]


class Constant(msgspec.Struct, frozen=True):
    """A literal: text, number, boolean, null or undefined."""

    value: Any


class Name(msgspec.Struct, frozen=True):
    """A name from outside, such as `params`."""

    name: str
    offset: int


class Step(msgspec.Struct, frozen=True):
    """One access in a chain: `.key`, `["key"]` or `[computed]`, `?.` if optional."""

    key: Tree
    optional: bool = False


class Chain(msgspec.Struct, frozen=True):
    """`base.a[0]?.b`: a missing value at an optional step makes the whole chain undefined."""

    base: Tree
    steps: tuple[Step, ...]


class Unary(msgspec.Struct, frozen=True):
    """`!x`, `-x`, `+x`."""

    op: UnaryOp
    operand: Tree


class Binary(msgspec.Struct, frozen=True):
    """A comparison or arithmetic."""

    op: str
    left: Tree
    right: Tree


class Logical(msgspec.Struct, frozen=True):
    """`&&`, `||`, `??`: the right side only if needed."""

    op: LogicalOp
    left: Tree
    right: Tree


class Conditional(msgspec.Struct, frozen=True):
    """`test ? yes : no`."""

    test: Tree
    yes: Tree
    no: Tree


Tree = Constant | Name | Chain | Unary | Binary | Logical | Conditional
