"""Waits for people and for conditions, as conversations with the core name them."""

from penstock.coordinator.core import inputs as inp
from penstock.workflow.execution.values import HumanTask, OnTimeout, Payload, TaskKind


def read_ask(title: str, more: list[str]) -> inp.Waiting:
    time_us = round(float(more[0]) * 1_000_000) if more else 0
    on_timeout = OnTimeout[more[2].upper()] if more[1:] else OnTimeout.FAIL
    task = HumanTask(TaskKind.APPROVAL, title)
    return inp.Waiting(time_us, task=task, on_timeout=on_timeout)


def read_again(seconds: float, more: list[str]) -> inp.Waiting:
    limit = float(more[1]) if "until" in more else 0.0
    on_timeout = OnTimeout[more[-1].upper()] if "or" in more else OnTimeout.FAIL
    return inp.Waiting(
        round(seconds * 1_000_000),
        output=Payload(b'"late"'),
        on_timeout=on_timeout,
        again=True,
        give_up_after_us=round(limit * 1_000_000),
    )
