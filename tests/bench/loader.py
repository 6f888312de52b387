"""The load generator as a process of its own, so that its event loop is not the bench's, and its
CPU can be told. It still runs on the cores of what it measures.

Orders come as JSON lines on standard input, answers go as JSON lines to standard output; it ends
with its input.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import msgspec
import uvloop

from bench.load import GrpcLoop, Measured, percentile
from bench.open_loop import offer
from bench.rest_load import rest_loop
from bench.starts import LoadFailed
from penstock.common.rpc.channel import open_channel
from penstock.common.service import calm_garbage_collector

_LINE_BYTES = 1 << 20


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """Keep `in_flight` executions going."""

    workflow: str
    in_flight: int
    warm_s: float
    measured_s: float


class Starts(msgspec.Struct, frozen=True, tag="starts"):
    """Keep `in_flight` starts unacknowledged."""

    workflow: str
    in_flight: int
    warm_s: float
    measured_s: float


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Offer `per_second` executions whatever happens."""

    workflow: str
    per_second: float
    warm_s: float
    measured_s: float
    seed: int


class OneByOne(msgspec.Struct, frozen=True, tag="one_by_one"):
    """Start one when the one before has ended."""

    workflow: str
    count: int


class Rest(msgspec.Struct, frozen=True, tag="rest"):
    """Synchronous runs over `clients` connections."""

    url: str
    workflow: str
    clients: int
    warm_s: float
    measured_s: float


Order = Closed | Starts | Open | OneByOne | Rest


class Loaded(msgspec.Struct, frozen=True):
    """What a load saw. `cpu_s` is this process's own for `ended_in_all` executions; percentiles
    are of latencies in ms."""

    ended: int = 0
    ended_in_all: int = 0
    seconds: float = 0.0
    in_time: float = 1.0
    cpu_s: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    failed: str = ""

    @property
    def per_second(self) -> float:
        return self.ended / self.seconds


async def _carry_out(order: Order, address: str, channel: grpc.aio.Channel) -> Measured:
    match order:
        case Closed():
            loop = GrpcLoop(address, order.workflow, order.in_flight, channel)
            return await loop.run(order.warm_s, order.measured_s)
        case Starts():
            loop = GrpcLoop(address, order.workflow, order.in_flight, channel)
            return await loop.starts(order.warm_s, order.measured_s)
        case Open():
            span = (order.warm_s, order.measured_s, order.seed)
            return await offer(channel, order.workflow, order.per_second, span)
        case OneByOne():
            begun = time.perf_counter()
            found = await GrpcLoop(address, order.workflow, 1, channel).one_by_one(order.count)
            seen = Measured(len(found), len(found), time.perf_counter() - begun)
            seen.latencies_ms.extend(found)
            return seen
        case Rest():
            clients, measured_s = order.clients, order.measured_s
            return await rest_loop(order.url, order.workflow, clients, measured_s, order.warm_s)


async def _answer(order: Order, address: str, channel: grpc.aio.Channel) -> Loaded:
    spent = time.process_time()
    try:
        seen = await _carry_out(order, address, channel)
    except (LoadFailed, grpc.aio.AioRpcError, OSError, TimeoutError) as error:
        return Loaded(failed=f"{order.workflow}: {error or type(error).__name__}")
    if not seen.ended:
        return Loaded(failed=f"{order.workflow}: nothing ended in the measured time")
    ranked = sorted(seen.latencies_ms)
    return Loaded(
        ended=seen.ended,
        ended_in_all=seen.ended_in_all,
        seconds=seen.seconds,
        in_time=seen.in_time,
        cpu_s=time.process_time() - spent,
        p50=percentile(ranked, 0.5),
        p90=percentile(ranked, 0.9),
        p99=percentile(ranked, 0.99),
        p999=percentile(ranked, 0.999),
    )


async def _serve(address: str) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    decoder = msgspec.json.Decoder(Order)
    async with open_channel(address) as channel:
        calm_garbage_collector()
        while line := await reader.readline():
            loaded = await _answer(decoder.decode(line), address, channel)
            os.write(sys.stdout.fileno(), msgspec.json.encode(loaded) + b"\n")


class Loader:
    """The other side: hands orders over and waits for what they found."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, order: Order) -> Loaded:
        """Have it done. Raises `LoadFailed` if any execution failed: there is no figure then."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise LoadFailed("the load generator has no pipes")
        stdin.write(msgspec.json.encode(order) + b"\n")
        line = await stdout.readline()
        if not line:
            raise LoadFailed("the load generator died; its last words are above")
        loaded = msgspec.json.decode(line, type=Loaded)
        if loaded.failed:
            raise LoadFailed(loaded.failed)
        return loaded


@asynccontextmanager
async def open_loader(address: str) -> AsyncIterator[Loader]:
    """A load generator for the coordinator at `address`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.loader",
        address,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    try:
        yield Loader(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(5.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def main() -> None:
    """Serve until the input ends; the bench decides about interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # The bench is gone, and with it who asked.
        uvloop.run(_serve(sys.argv[1]))


if __name__ == "__main__":
    main()
