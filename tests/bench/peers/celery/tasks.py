"""Celery: the tasks, and the settings its optimizing guide gives for many short ones."""

import os
import time

from celery import Celery

from bench.peers.driver import WIDTH

URL = os.environ["PEER_REDIS_URL"]
app = Celery("bench", broker=URL, backend=URL)
app.conf.update(
    worker_prefetch_multiplier=64,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    result_expires=600,
)


@app.task
def begun(n: int) -> list[int]:
    return [n + 1, time.monotonic_ns()]


@app.task
def add_one(passed: list[int]) -> list[int]:
    return [passed[0] + 1, passed[1]]


@app.task(ignore_result=False)
def ended(passed: list[int]) -> list[int]:
    return [passed[0] + 1, passed[1]]


@app.task
def listed() -> list[int]:
    return list(range(WIDTH))


@app.task(ignore_result=False)
def doubled(items: list[int], index: int) -> int:
    return items[index] * 2


@app.task(ignore_result=False)
def added(items: list[int]) -> int:
    return sum(items)
