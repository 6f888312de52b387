"""What people are asked, and what they answer: `client.tasks`."""

from typing import Any
from urllib.parse import quote

import msgspec

from penstock.sdk.transport import Call, Transport

_JSON = {"Content-Type": "application/json"}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked; `decisions` is what can be answered, `form` the JSON Schema of the
    data of an answer. Without `assignees` it is for everybody."""

    id: str
    kind: str
    title: str
    description: str = ""
    decisions: tuple[str, ...] = ()
    form: dict[str, Any] | None = None
    data: Any = None
    assignees: tuple[str, ...] = ()
    execution_id: str = ""
    workflow: str = ""
    node: str = ""
    item: int | None = None
    attempt: int = 0
    opened_at: str | None = None
    due_at: str | None = None


class TaskPage(msgspec.Struct, frozen=True):
    """A page of open tasks, the oldest first; `next_cursor` is None on the last one."""

    items: tuple[Task, ...]
    next_cursor: str | None = None


class TaskAnswer(msgspec.Struct, frozen=True):
    """An answer that is on disk; `status` is that of the node."""

    id: str
    decision: str
    status: str


class EffectAttempt(msgspec.Struct, frozen=True):
    """One try: open, committed, failed, may_have_happened or not_happened."""

    attempt: int
    outcome: str
    at: str | None = None
    worker: str = ""
    note: str = ""


class Effect(msgspec.Struct, frozen=True):
    """What is known of the effect of a node, or of the item `item` (from 0) of its fan-out."""

    node: str
    item: int | None
    effects: str
    idempotency_key: str
    attempts: tuple[EffectAttempt, ...] = ()


class EffectPage(msgspec.Struct, frozen=True):
    """A page of the effect ledger; `next_cursor` is None on the last one."""

    items: tuple[Effect, ...]
    next_cursor: str | None = None


class Tasks:
    """Every method raises an `ApiError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        execution_id: str = "",
        workflow: str = "",
        assignee: str = "",
        kind: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> TaskPage:
        """Open tasks, the oldest first."""
        query = {
            "execution": execution_id,
            "workflow": workflow,
            "assignee": assignee,
            "kind": kind,
            "limit": str(limit),
            "cursor": cursor,
        }
        given = {name: value for name, value in query.items() if value}
        return await self._transport.ask(Call("GET", "/v1/tasks", given), TaskPage)

    async def get(self, task_id: str) -> Task:
        """An open task."""
        return await self._transport.ask(Call("GET", f"/v1/tasks/{quote(task_id)}"), Task)

    async def answer(
        self,
        task_id: str,
        decision: str,
        data: Any = msgspec.UNSET,
        *,
        by: str = "",
        comment: str = "",
    ) -> TaskAnswer:
        """Answer a task; returns when that is on disk. A repeat after a lost answer is refused with
        a `ConflictError`, as any second answer is."""
        body = {"decision": decision, "by": by, "comment": comment}
        text = msgspec.json.encode(body if data is msgspec.UNSET else {**body, "data": data})
        path = f"/v1/tasks/{quote(task_id)}/answer"
        call = Call("POST", path, headers=_JSON, body=text, safe=False)
        return await self._transport.ask(call, TaskAnswer)

    async def effects(
        self, execution_id: str, *, node: str = "", limit: int = 50, cursor: str = ""
    ) -> EffectPage:
        """The effect ledger of an execution: what it may have changed outside."""
        query = {"node": node, "limit": str(limit), "cursor": cursor}
        given = {name: value for name, value in query.items() if value}
        path = f"/v1/executions/{quote(execution_id, safe='')}/effects"
        return await self._transport.ask(Call("GET", path, given), EffectPage)
