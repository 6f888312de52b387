"""Tasks for people over gRPC: state tells them, the coordinator of the execution takes answers."""

import grpc

from penstock.api.state.v1.task_query_service_pb2_grpc import TaskQueryServiceStub
from penstock.api.workflow.v1 import task_service_pb2 as api
from penstock.api.workflow.v1.task_service_pb2_grpc import TaskServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link


class TaskCalls:
    """`Tasks` over the connections to state and coordinators."""

    def __init__(self, coordinators: Coordinators, channel: grpc.aio.Channel) -> None:
        self._coordinators = coordinators
        self._queries = TaskQueryServiceStub(channel)

    async def page(self, request: api.ListTasksRequest, tenant: str) -> api.ListTasksResponse:
        """See `Tasks.page`."""
        answer: api.ListTasksResponse = await call(self._queries.ListTasks, request, tenant=tenant)
        return answer

    async def one(self, task_id: str, tenant: str) -> api.Task:
        """See `Tasks.one`."""
        request = api.GetTaskRequest(id=task_id)
        answer: api.GetTaskResponse = await call(self._queries.GetTask, request, tenant=tenant)
        return answer.task

    async def answer(self, request: api.AnswerTaskRequest, tenant: str) -> api.AnswerTaskResponse:
        """See `Tasks.answer`."""

        async def ask(link: Link) -> api.AnswerTaskResponse:
            stub = TaskServiceStub(link.channel)
            answer: api.AnswerTaskResponse = await call(stub.AnswerTask, request, tenant=tenant)
            return answer

        return await self._coordinators.at_owner(ask)
