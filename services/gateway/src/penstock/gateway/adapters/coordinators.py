"""Coordinators: commands go to the one that owns the execution, found by asking and followed by
address.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import grpc

from penstock.api.workflow.v1 import workflow_service_pb2 as workflow
from penstock.api.workflow.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from penstock.common.errors import LimitExceeded, Unavailable, WrongOwner
from penstock.common.rpc.channel import call, open_channel
from penstock.gateway.adapters.start_stream import StartStream, StreamLost
from penstock.gateway.ports.executions import Reads
from penstock.gateway.views.executions import is_terminal

Answer = TypeVar("Answer")

_HOPS_MAX = 6
"""Redirections of one command: while a shard changes hands, its owner is asked for again."""

_LINKS_MAX = 256
"""Coordinators that are connected at once."""

_MOVING_S = 0.15
"""Pause before asking again for the owner of a shard that nobody owns at this moment."""

_POLL_S = (0.05, 1.0)
"""First and longest pause between looks at an execution whose stream was lost."""


class Link:
    """The connection to one coordinator."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self.address = address
        self.channel = channel
        self.stub = WorkflowServiceStub(channel)
        self.starts = StartStream(channel, address)


class Coordinators:
    """All coordinators that were ever needed, starting with those in the settings.

    Those in the settings take turns with what any coordinator can do, such as starts without a key;
    one that cannot be reached is passed over while another can.
    """

    def __init__(
        self, seeds: Sequence[str], reads: Reads, stack: AsyncExitStack, tasks: asyncio.TaskGroup
    ) -> None:
        self._seeds = seeds
        self._turns = itertools.count()
        self._reads = reads
        self._stack = stack
        self._tasks = tasks
        self._links: dict[str, Link] = {}
        self._running: list[asyncio.Task[None]] = []
        self._opening = asyncio.Lock()

    @property
    def starts_in_flight(self) -> int:
        """Starts that wait for an answer."""
        return sum(link.starts.in_flight for link in self._links.values())

    def release(self) -> None:
        """Answer everybody who waits for an end with what is known now."""
        for link in self._links.values():
            link.starts.release()

    def close(self) -> None:
        """Stop the streams of starts."""
        for task in self._running:
            task.cancel()

    def _next_seed(self) -> str:
        """The one in the settings whose turn it is, of those that can be reached."""
        seeds = self._seeds
        if len(seeds) == 1:
            return seeds[0]
        first = next(self._turns)
        in_turn = [seeds[(first + n) % len(seeds)] for n in range(len(seeds))]
        up = (s for s in in_turn if (link := self._links.get(s)) and link.starts.is_up)
        return next(up, in_turn[0])

    async def link(self, address: str = "") -> Link:
        """The connection to the coordinator at `address` (default: one of those in the
        settings)."""
        wanted = address or self._next_seed()
        found = self._links.get(wanted)
        if found is not None:
            return found
        async with self._opening:
            if wanted not in self._links:
                if len(self._links) >= _LINKS_MAX:
                    raise LimitExceeded(f"{_LINKS_MAX} coordinators are connected already.")
                channel = await self._stack.enter_async_context(open_channel(wanted))
                self._links[wanted] = Link(channel, wanted)
                self._running.append(self._tasks.create_task(self._links[wanted].starts.run()))
            return self._links[wanted]

    async def at_owner(self, ask: Callable[[Link], Awaitable[Answer]]) -> Answer:
        """Ask coordinators until the owner answers."""
        address = ""
        for _ in range(_HOPS_MAX):
            link = await self.link(address)
            try:
                return await ask(link)
            except WrongOwner as error:
                address = str(error.facts.get("owner") or "")
                if address in ("", link.address):
                    address = ""
                    await asyncio.sleep(_MOVING_S)
        raise Unavailable("The execution's shard is changing hands.", fix="Try again.")

    async def start(
        self, request: workflow.StartExecutionRequest, tenant: str, wait_s: float | None
    ) -> workflow.StartExecutionResponse:
        """See `Commands.start`."""
        deadline = asyncio.get_running_loop().time() + (wait_s or 0.0)
        try:
            return await self.at_owner(lambda link: link.starts.start(request, tenant, wait_s))
        except StreamLost as lost:
            return await self._poll_end(lost.accepted, tenant, deadline)

    async def _poll_end(
        self, accepted: workflow.StartExecutionResponse, tenant: str, deadline: float
    ) -> workflow.StartExecutionResponse:
        """Look at an accepted execution until it has ended or the time is up."""
        loop = asyncio.get_running_loop()
        pause = _POLL_S[0]
        while (left := deadline - loop.time()) > 0:
            try:
                found = await self._reads.execution(
                    accepted.execution_id, tenant, workflow.EXECUTION_DETAIL_RESULT
                )
            except Unavailable:
                found = None
            if found is not None and is_terminal(found.status):
                ended = workflow.StartExecutionResponse(
                    execution_id=found.id,
                    status=found.status,
                    existing=accepted.existing,
                    version=found.version,
                )
                if found.HasField("output"):
                    ended.output.CopyFrom(found.output)
                if found.HasField("failure"):
                    ended.failure.CopyFrom(found.failure)
                return ended
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, _POLL_S[1])
        return accepted

    async def validate(self, source: str, tenant: str) -> workflow.ValidateWorkflowResponse:
        """See `Commands.validate`."""
        stub = (await self.link()).stub
        request = workflow.ValidateWorkflowRequest(source=source)
        answer: workflow.ValidateWorkflowResponse = await call(
            stub.ValidateWorkflow, request, tenant=tenant
        )
        return answer

    async def apply(self, source: str, tenant: str) -> workflow.ApplyWorkflowResponse:
        """See `Commands.apply`."""
        stub = (await self.link()).stub
        request = workflow.ApplyWorkflowRequest(source=source)
        answer: workflow.ApplyWorkflowResponse = await call(
            stub.ApplyWorkflow, request, tenant=tenant
        )
        return answer

    async def cancel(
        self, execution_id: str, reason: str, tenant: str
    ) -> workflow.CancelExecutionResponse:
        """See `Commands.cancel`."""
        request = workflow.CancelExecutionRequest(execution_id=execution_id, reason=reason)

        async def ask(link: Link) -> workflow.CancelExecutionResponse:
            answer: workflow.CancelExecutionResponse = await call(
                link.stub.CancelExecution, request, tenant=tenant
            )
            return answer

        return await self.at_owner(ask)

    async def signal(self, request: workflow.SignalExecutionRequest, tenant: str) -> None:
        """See `Commands.signal`."""

        async def ask(link: Link) -> None:
            await call(link.stub.SignalExecution, request, tenant=tenant)

        await self.at_owner(ask)


@asynccontextmanager
async def open_coordinators(seeds: Sequence[str], reads: Reads) -> AsyncIterator[Coordinators]:
    """Connections to coordinators, the first ones to `seeds` (each host:port). Opens whether or not
    one is there.
    """
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        coordinators = Coordinators(seeds, reads, stack, tasks)
        for seed in seeds:
            await coordinators.link(seed)
        try:
            yield coordinators
        finally:
            coordinators.close()
