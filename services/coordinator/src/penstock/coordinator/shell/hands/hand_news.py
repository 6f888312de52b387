"""What people are asked and what they have paused: told to state with the record that says so."""

from collections.abc import Sequence

from penstock.api.state.v1.state_service_pb2 import ShardWrite
from penstock.common.value_codec import write_ref
from penstock.common.wait_codec import write_task
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.events import Event, ExecutionEnded
from penstock.workflow.execution.hand_events import ExecutionPaused, ExecutionResumed
from penstock.workflow.execution.open_tasks import OpenTask, OpenTasks

_PAUSES = (ExecutionPaused, ExecutionResumed, ExecutionEnded)


def add_news(write: ShardWrite, live: Live, events: Sequence[Event]) -> None:
    """The news of a record of an execution that people were asked about or laid hands on."""
    tasks = live.state.waits.tasks
    if tasks is not None:
        _add_tasks(write, live, tasks)
    if live.state.touched is not None and any(isinstance(event, _PAUSES) for event in events):
        paused = live.state.is_paused and live.state.end is None
        write.dues.pauses.add(execution_id=live.id, tenant=live.tenant, paused=paused)


def _add_tasks(write: ShardWrite, live: Live, tasks: OpenTasks) -> None:
    for news in tasks.take_news():
        _add_task(write, live, news)


def _add_task(write: ShardWrite, live: Live, news: OpenTask) -> None:
    wait = news.wait
    told = write.dues.tasks.add(execution_id=live.id, tenant=live.tenant)
    write_ref(told.ref, wait.ref)
    if not news.opened_us or wait.task is None:
        return
    told.opened_unix_us = news.opened_us
    told.due_unix_us = wait.until_us
    told.workflow = live.plan.name
    told.node = live.plan.nodes[wait.ref.node].id
    write_task(told.task, wait.task)
