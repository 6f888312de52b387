"""What people are asked, in memory."""

from typing import Any

from penstock.api.journal.v1.journal_pb2 import HumanTask
from penstock.api.state.v1.state_service_pb2 import Dues, TaskNews
from penstock.api.workflow.v1 import task_service_pb2 as pb
from penstock.common.errors import NotFound
from penstock.common.task_ids import task_id
from penstock.common.value_codec import ref_from_proto


def told(news: TaskNews) -> pb.Task:
    asked = HumanTask()
    asked.CopyFrom(news.task)
    identity = task_id(news.execution_id, ref_from_proto(news.ref))
    return pb.Task(id=identity, execution_id=news.execution_id, node=news.node, asked=asked)


def keep_news(
    dues: Dues, tasks: dict[tuple[str, int, int, int], TaskNews], paused: set[str]
) -> None:
    """Take in what an append tells of people's hands."""
    for news in dues.tasks:
        key = (news.execution_id, news.ref.node, news.ref.item, news.ref.attempt)
        if news.opened_unix_us:
            tasks[key] = news
        else:
            tasks.pop(key, None)
    for pause in dues.pauses:
        (paused.add if pause.paused else paused.discard)(pause.execution_id)


class MemoryTasks:
    def __init__(self, state: Any) -> None:
        self._state = state

    async def list_tasks(self, tenant: str, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        self._state.check_up("list_tasks")
        found = [news for news in self._state.tasks.values() if news.tenant == tenant]
        return pb.ListTasksResponse(tasks=map(told, found))

    async def get_task(self, tenant: str, request: pb.GetTaskRequest) -> pb.GetTaskResponse:
        for news in self._state.tasks.values():
            if news.tenant == tenant and told(news).id == request.id:
                return pb.GetTaskResponse(task=told(news))
        raise NotFound
