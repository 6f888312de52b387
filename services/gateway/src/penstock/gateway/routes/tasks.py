"""/v1/tasks: what people are asked."""

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.types import ASGIApp
from msgspec import Raw

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.workflow.v1 import task_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import (
    AnyRequest,
    json_body,
    page_size,
    query_of,
    tenant_of,
    user_value,
)
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.tasks import AnswerBody, Task, TaskAnswer, TaskPage
from penstock.gateway.views import executions as views
from penstock.workflow.execution.decisions import DECISIONS
from penstock.workflow.execution.values import TaskKind

_ANSWER = msgspec.json.Decoder(AnswerBody)
_LIST = frozenset({"execution", "workflow", "assignee", "kind", "limit", "cursor"})
_KINDS = {kind.name.lower(): int(kind) for kind in TaskKind}


@get("/v1/tasks")
async def list_tasks(request: AnyRequest) -> ASGIApp:
    """A page of open tasks, the oldest first."""
    query = query_of(request, _LIST)
    kind = query.get("kind", "")
    if kind and kind not in _KINDS:
        raise InvalidArgument(
            f"There is no kind {kind[:40]!r} of tasks.",
            fix=f"Give one of {', '.join(_KINDS)}.",
            path="query.kind",
        )
    execution = query.get("execution", "")
    command = api.ListTasksRequest(
        execution_id=execution_id_of(request, execution, "query.execution") if execution else "",
        workflow=query.get("workflow", ""),
        assignee=query.get("assignee", ""),
        kind=_KINDS.get(kind, 0),  # type: ignore[arg-type]
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )
    answer = await doors_of(request).tasks.page(command, tenant_of(request))
    return json_answer(TaskPage(tuple(map(shown, answer.tasks)), answer.next_page_token or None))


@get("/v1/tasks/{task_id:str}")
async def get_task(request: AnyRequest, task_id: FromPath[str]) -> ASGIApp:
    """An open task."""
    query_of(request)
    return json_answer(shown(await doors_of(request).tasks.one(task_id, tenant_of(request))))


@post("/v1/tasks/{task_id:str}/answer")
async def answer_task(request: AnyRequest, task_id: FromPath[str]) -> ASGIApp:
    """Answer a task; answers when that is on disk."""
    query_of(request)
    body = await json_body(request, _ANSWER, AnswerBody(decision=""))
    if not body.decision:
        raise InvalidArgument(
            "`decision` is missing.", fix="Give one of the task's decisions.", path="decision"
        )
    command = api.AnswerTaskRequest(
        id=task_id,
        decision=body.decision,
        data_json=user_value(body.data, "data"),
        by=body.by,
        comment=body.comment,
    )
    answer = await doors_of(request).tasks.answer(command, tenant_of(request))
    return json_answer(TaskAnswer(task_id, body.decision, views.NODE_STATUS[answer.status]))


def shown(task: api.Task) -> Task:
    """A task as users see it."""
    asked = task.asked
    kind = TaskKind(asked.kind or TaskKind.APPROVAL)
    return Task(
        id=task.id,
        kind=journal.TaskKind.Name(asked.kind).removeprefix("TASK_KIND_").lower(),
        title=asked.title,
        description=asked.description,
        decisions=DECISIONS[kind],
        form=Raw(asked.form_json) if asked.form_json else None,
        data=views.payload_json(asked.data) if asked.HasField("data") else None,
        assignees=tuple(asked.assignees),
        execution_id=task.execution_id,
        workflow=task.workflow,
        node=task.node,
        item=views.item_of(task.ref.item),
        attempt=task.ref.attempt,
        opened_at=_time(task, "opened_at"),
        due_at=_time(task, "due_at"),
    )


def _time(task: api.Task, field: str) -> str | None:
    if not task.HasField(field):  # type: ignore[arg-type]
        return None
    when = task.opened_at if field == "opened_at" else task.due_at
    return views.instant(when.seconds * 1_000_000 + when.nanos // 1000)


TASK_ROUTES = (list_tasks, get_task, answer_task)
