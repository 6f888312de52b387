"""Open loop: executions arrive when they arrive, however slow the answers are.

Arrivals are a Poisson process with a fixed seed, drawn before the run. A latency counts from the
moment the arrival was *due*, so that neither a stall of the engine nor one of this process hides
the requests that should have been made meanwhile (no coordinated omission).
"""

import asyncio
import random
import time
from array import array

import grpc

from bench.load import Measured
from bench.starts import LoadFailed, StartStream

_TICK_S = 0.001
"""Arrivals due within it travel together; what they wait for it is part of their latency."""
_DRAIN_S = 60.0


def arrivals(per_second: float, seconds: float, seed: int) -> "array[float]":
    """Instants in seconds from 0, exponentially apart."""
    draw = random.Random(seed).expovariate
    found, at = array("d"), draw(per_second)
    while at < seconds:
        found.append(at)
        at += draw(per_second)
    return found


async def _send(stream: StartStream, due: "array[float]", begin: float) -> None:
    sent, count = 0, len(due)
    while sent < count:
        now = time.perf_counter() - begin
        until = sent
        while until < count and due[until] <= now:
            until += 1
        if until > sent:
            stream.launch(until - sent)
            sent = until
        if sent < count:
            await asyncio.sleep(max(_TICK_S, due[sent] - now))


async def _receive(
    stream: StartStream, due: "array[float]", begin: float, ended: list[float]
) -> int:
    """Fill in each arrival's latency; returns how many had ended when the last one arrived."""
    left, first = len(due), stream.first_id
    in_time = 0
    async for told in stream.messages():
        at = time.perf_counter() - begin
        for number in told.ended:
            ended[number - first] = at - due[number - first]
        left -= len(told.ended)
        if at <= due[-1]:
            in_time += len(told.ended)
        if not left:
            break
    return in_time


async def offer(
    channel: grpc.aio.Channel, workflow: str, per_second: float, span: tuple[float, float, int]
) -> Measured:
    """Offer `per_second` executions for `span` = warm seconds, measured seconds, seed.

    `ended` counts the measured arrivals; those that had not ended when the last one arrived are
    waited for, and their latencies count. Raises `LoadFailed` if they do not end.
    """
    warm_s, measured_s, seed = span
    due = arrivals(per_second, warm_s + measured_s, seed)
    if not due:
        raise LoadFailed(f"{workflow}: {per_second:.2f} executions/s are too few to measure")
    latencies = [0.0] * len(due)
    stream = StartStream(channel, workflow, wait_for_end=True)
    begin = time.perf_counter()
    try:
        async with asyncio.timeout(warm_s + measured_s + _DRAIN_S), asyncio.TaskGroup() as group:
            group.create_task(_send(stream, due, begin))
            in_time = group.create_task(_receive(stream, due, begin, latencies))
    except TimeoutError:
        raise LoadFailed(f"{workflow}: not all of {len(due)} arrivals ended") from None
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    measured = [ms * 1000 for at, ms in zip(due, latencies, strict=True) if at >= warm_s]
    seen = Measured(seconds=measured_s, ended=len(measured), ended_in_all=len(due))
    seen.latencies_ms.extend(measured)
    seen.in_time = in_time.result() / len(due)
    return seen
