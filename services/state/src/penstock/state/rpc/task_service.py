"""TaskQueryService: what people are asked. The account of a call restricts it."""

from typing import Any

import grpc

from penstock.api.journal.v1.journal_pb2 import HumanTask, NodeRef
from penstock.api.state.v1.task_query_service_pb2_grpc import TaskQueryServiceServicer
from penstock.api.workflow.v1 import task_service_pb2 as pb
from penstock.common.errors import NotFound
from penstock.common.rpc.server import call_tenant
from penstock.common.task_ids import parse_task_id, task_id
from penstock.common.value_codec import ref_from_proto
from penstock.state.ports import TaskFilter, TaskRow, TaskStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.rpc.checks import check_storable, checked_id

Context = grpc.aio.ServicerContext[Any, Any]


class TaskQueryService(TaskQueryServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    async def ListTasks(
        self, request: pb.ListTasksRequest, context: Context
    ) -> pb.ListTasksResponse:
        """A page."""
        if request.execution_id:
            checked_id(request.execution_id)
        check_storable(workflow=request.workflow, assignee=request.assignee)
        chosen = TaskFilter(
            request.execution_id, request.workflow, request.assignee, int(request.kind)
        )
        size, token = page_size_of(request.page_size), request.page_token
        after = from_token(token, tuple[int, str, int, int], ("tasks", *chosen)) if token else None
        rows = await self._tasks.page(call_tenant(context), chosen, after, size + 1)
        answer = pb.ListTasksResponse(tasks=map(_told, rows[:size]))
        if len(rows) > size:
            last = rows[size - 1]
            place = (last.opened_us, last.execution_id, last.node, last.item)
            answer.next_page_token = to_token(place, ("tasks", *chosen))
        return answer

    async def GetTask(self, request: pb.GetTaskRequest, context: Context) -> pb.GetTaskResponse:
        """One of them."""
        execution_id, ref = parse_task_id(request.id)
        place = (ref.node, ref.item, ref.attempt)
        row = await self._tasks.find(call_tenant(context), execution_id, place)
        if row is None:
            raise NotFound(
                f"there is no open task {request.id}",
                fix="It was answered, ran out of time, or its execution has ended.",
            )
        return pb.GetTaskResponse(task=_told(row))


def _told(row: TaskRow) -> pb.Task:
    ref = NodeRef(node=row.node, item=row.item, attempt=row.attempt)
    task = pb.Task(
        id=task_id(row.execution_id, ref_from_proto(ref)),
        execution_id=row.execution_id,
        workflow=row.workflow,
        node=row.node_id,
        ref=ref,
        asked=HumanTask.FromString(row.body),
    )
    task.opened_at.FromMicroseconds(row.opened_us)
    if row.due_us:
        task.due_at.FromMicroseconds(row.due_us)
    return task
