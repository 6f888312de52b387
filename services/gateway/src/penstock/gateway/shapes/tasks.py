"""The public JSON of tasks: what people are asked, what they answer."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

TaskKindName = Literal["approval", "effect"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked. `form` is the JSON Schema of the data of an answer, null if they are
    free; `decisions` what can be answered; no `assignees`: it is for everybody.
    """

    id: str
    kind: str
    title: str
    description: str
    decisions: tuple[str, ...]
    form: Raw | None
    data: Raw | None
    assignees: tuple[str, ...]
    execution_id: str
    workflow: str
    node: str
    item: int | None
    attempt: int
    opened_at: str | None
    due_at: str | None


class TaskPage(msgspec.Struct, frozen=True):
    """A page of open tasks, the oldest first. `next_cursor` is null on the last page."""

    items: tuple[Task, ...]
    next_cursor: str | None


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer: one of the task's decisions, and data for its form (of an effect that has
    happened: the node's output).
    """

    decision: str
    data: Raw | UnsetType = UNSET
    by: str = ""
    comment: str = ""


class TaskAnswer(msgspec.Struct, frozen=True):
    """The answer is on disk; `status` is that of the node."""

    id: str
    decision: str
    status: str
