"""What routes of tasks and of the effect ledger need."""

from typing import Protocol

from penstock.api.workflow.v1 import task_service_pb2 as api
from penstock.api.workflow.v1.effect_service_pb2 import ListEffectsRequest, ListEffectsResponse


class Tasks(Protocol):
    """What people are asked: read from state, answered at coordinators."""

    async def page(self, request: api.ListTasksRequest, tenant: str) -> api.ListTasksResponse:
        """A page of open tasks."""
        ...

    async def one(self, task_id: str, tenant: str) -> api.Task:
        """An open task; raises `NotFound`."""
        ...

    async def answer(self, request: api.AnswerTaskRequest, tenant: str) -> api.AnswerTaskResponse:
        """Answer one; raises `Conflict` if nobody asks any more."""
        ...


class Effects(Protocol):
    """The effect ledger."""

    async def effects(self, request: ListEffectsRequest, tenant: str) -> ListEffectsResponse:
        """A page; raises `NotFound`."""
        ...
