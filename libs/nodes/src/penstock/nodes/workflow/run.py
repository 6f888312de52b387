"""`workflow@1`: asks the coordinator for an execution of another workflow."""

from collections.abc import Callable
from typing import Any

from penstock.nodes.api import NodeCall, NodeFailure, StartWorkflow

_TEXT_CHARS_MAX = 255


async def run(call: NodeCall) -> StartWorkflow:
    """Say what is wanted. What expressions gave is checked, and all that is wrong is told."""
    config = call.config
    wrong: list[str] = []

    def taken(key: str, default: Any, right: Callable[[Any], bool], form: str) -> Any:
        value = config.get(key, default)
        if key in config and not right(value):
            wrong.append(f"{key} must be {form}")
        return value

    workflow = taken("workflow", "", _is_text, "the name of a workflow")
    version = taken("version", 0, lambda v: _is_number(v, 1, 2**31 - 1), "a number from 1")
    params = taken("params", {}, lambda v: isinstance(v, dict), "an object")
    wait = taken("wait", True, lambda v: isinstance(v, bool), "true or false")
    tags = taken("tags", [], _are_tags, "a list of at most 50 texts of 1 to 255 characters")
    priority = taken("priority", None, lambda v: _is_number(v, 0, 9), "a number from 0 to 9")
    options = ("cancel", "continue")
    gone = taken("on_parent_cancel", "cancel", lambda v: v in options, "cancel or continue")
    if wrong:
        raise NodeFailure("user", "BAD_SUBWORKFLOW", "; ".join(wrong), {"wrong": wrong})
    return StartWorkflow(
        workflow=workflow,
        version=int(version),
        params=params,
        tags=tuple(tags),
        priority=None if priority is None else int(priority),
        detached=not wait,
        outlives=gone == "continue",
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_CHARS_MAX


def _is_number(value: Any, least: int, most: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == int(value) and least <= value <= most


def _are_tags(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 50 and all(map(_is_text, value))
