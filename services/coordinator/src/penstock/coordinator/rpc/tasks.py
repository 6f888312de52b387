"""TaskService: what people are asked and answer, on every coordinator."""

from typing import Any

import grpc

from penstock.api.workflow.v1 import task_service_pb2 as pb
from penstock.api.workflow.v1.task_service_pb2_grpc import TaskServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.ports import TaskQueries
from penstock.coordinator.shell.hands.answers import Answered, Answers

Context = grpc.aio.ServicerContext[Any, Any]


class TaskRpc(TaskServiceServicer):
    """Translates between the contract and the shell; reads pass through to state."""

    def __init__(self, tasks: TaskQueries, answers: Answers) -> None:
        self._tasks = tasks
        self._answers = answers

    async def ListTasks(
        self, request: pb.ListTasksRequest, context: Context
    ) -> pb.ListTasksResponse:
        """A page of open tasks."""
        return await self._tasks.list_tasks(call_tenant(context), request)

    async def GetTask(self, request: pb.GetTaskRequest, context: Context) -> pb.GetTaskResponse:
        """An open task."""
        return await self._tasks.get_task(call_tenant(context), request)

    async def AnswerTask(
        self, request: pb.AnswerTaskRequest, context: Context
    ) -> pb.AnswerTaskResponse:
        """Answer one."""
        answered = Answered(
            request.id, request.decision, request.data_json, request.by, request.comment
        )
        status = await self._answers.answer(call_tenant(context), answered)
        return pb.AnswerTaskResponse(status=status)  # type: ignore[arg-type]
