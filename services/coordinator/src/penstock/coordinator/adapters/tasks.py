"""What people are asked, read from state."""

from typing import Any

import grpc

from penstock.api.state.v1.task_query_service_pb2_grpc import TaskQueryServiceStub
from penstock.api.workflow.v1 import task_service_pb2 as pb
from penstock.common.rpc.channel import call


class StateTasks:
    """`TaskQueries` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TaskQueryServiceStub(channel)

    async def list_tasks(self, tenant: str, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        """A page of open tasks."""
        answer: pb.ListTasksResponse = await call(self._stub.ListTasks, request, tenant=tenant)
        return answer

    async def get_task(self, tenant: str, request: pb.GetTaskRequest) -> pb.GetTaskResponse:
        """One of them."""
        answer: pb.GetTaskResponse = await call(self._stub.GetTask, request, tenant=tenant)
        return answer
