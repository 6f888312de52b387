"""Waits as protobuf and back: what a sleeping attempt waits for, what a person is asked."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.child_codec import read_child, write_child
from penstock.common.value_codec import (
    payload_from_proto,
    ref_from_proto,
    write_payload,
    write_ref,
)
from penstock.workflow.execution.events import NodeWaiting
from penstock.workflow.execution.values import HumanTask, OnTimeout, TaskKind


def write_waiting(message: journal.NodeWaiting, event: NodeWaiting) -> None:
    """Fill a message with a wait."""
    write_ref(message.ref, event.ref)
    message.until_unix_us = event.until_us
    message.signal = event.signal
    write_payload(message.output, event.output)
    if event.task is not None:
        write_task(message.task, event.task)
    if event.on_timeout:
        message.on_timeout = event.on_timeout  # type: ignore[assignment]
    if event.again:
        message.again = True
        message.give_up_unix_us = event.give_up_us
    if event.child is not None:
        write_child(message.child, event.child)


def waiting_from_proto(m: journal.NodeWaiting) -> NodeWaiting:
    """The wait in a message."""
    return NodeWaiting(
        ref_from_proto(m.ref),
        m.until_unix_us,
        m.signal,
        payload_from_proto(m.output),
        task_from_proto(m.task) if m.HasField("task") else None,
        OnTimeout(m.on_timeout),
        m.again,
        m.give_up_unix_us,
        read_child(m.child) if m.HasField("child") else None,
    )


def write_task(message: journal.HumanTask, task: HumanTask) -> None:
    """Fill a message with what a person is asked."""
    message.kind = task.kind  # type: ignore[assignment]
    message.title = task.title
    message.description = task.description
    message.form_json = task.form_json
    message.assignees.extend(task.assignees)
    write_payload(message.data, task.data)


def task_from_proto(m: journal.HumanTask) -> HumanTask:
    """What a person is asked, out of a message."""
    return HumanTask(
        TaskKind(m.kind or TaskKind.APPROVAL),
        m.title,
        m.description,
        m.form_json,
        tuple(m.assignees),
        payload_from_proto(m.data),
    )
