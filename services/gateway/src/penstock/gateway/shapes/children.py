"""The public JSON of sub-workflows."""

import msgspec

from penstock.gateway.shapes.executions import ExecutionSummary


class Child(msgspec.Struct, frozen=True):
    """An execution and the node that started it; `item` counts from 0 within a for-each. Without a
    node it was started because the execution failed."""

    node: str | None
    item: int | None
    attempt: int
    execution: ExecutionSummary


class ChildPage(msgspec.Struct, frozen=True):
    """A page of sub-workflows. `next_cursor` is null on the last page."""

    items: tuple[Child, ...]
    next_cursor: str | None
