"""Ids of tasks for people: which attempt asks."""

from penstock.common.errors import InvalidArgument
from penstock.common.ids import is_ulid
from penstock.workflow.execution.values import NodeRef

_PARTS = 4
_NUMBER_CHARS_MAX = 10


def task_id(execution_id: str, ref: NodeRef) -> str:
    """The id: execution, node, item and attempt, joined by dots."""
    return f"{execution_id}.{ref.node}.{ref.item}.{ref.attempt}"


def parse_task_id(text: str) -> tuple[str, NodeRef]:
    """Execution and attempt. Raises `InvalidArgument` for what is no id of a task."""
    execution_id, *numbers = text.split(".")
    fits = len(numbers) == _PARTS - 1 and all(
        part.isascii() and part.isdigit() and len(part) < _NUMBER_CHARS_MAX for part in numbers
    )
    if not fits or not is_ulid(execution_id):
        raise InvalidArgument(
            f"{text[:80]!r} is not the id of a task.",
            fix="Take the `id` from the list of tasks.",
            path="id",
        )
    node, item, attempt = map(int, numbers)
    return execution_id, NodeRef(node, item, attempt)
