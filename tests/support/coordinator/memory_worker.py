"""A worker in memory: speaks the dispatch protocol over a real stream and answers at will."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import grpc

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.dispatch.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from penstock.api.journal.v1.journal_pb2 import NodeRef
from support.long_form import in_full

TYPES = (
    "js@1", "set@1", "map@1", "http@1", "delay@1", "log@1", "wait@1", "template@1", "output@1",
    "switch@1", "workflow@1", "merge@1", "filter@1", "db.exec@1", "db.query@1", "csv.read@1",
)  # fmt: skip

Decide = Callable[[pb.ExecutionTasks, pb.Task], pb.NodeOutcome | None]
"""The outcome of a task; None to keep it."""
OnCancel = Callable[[pb.Cancel], pb.WorkRequest | None]


def completed(ref: NodeRef, json: bytes = b"1") -> pb.NodeOutcome:
    outcome = pb.NodeOutcome(ref=ref, started_unix_us=1, finished_unix_us=2)
    outcome.completed.output.json = json
    return outcome


def complete_all(tasks: pb.ExecutionTasks, task: pb.Task) -> pb.NodeOutcome:
    return completed(task.ref)


def keep_all(tasks: pb.ExecutionTasks, task: pb.Task) -> None:
    return None


class MemoryWorker:
    """`tasks` are all tasks that came; `on_cancel` gives the answer to what is to be stopped."""

    def __init__(self, call: object, decide: Decide) -> None:
        self._call = call
        self._decide = decide
        self._report_id = 0
        self.tasks: list[tuple[str, pb.Task, pb.ExecutionTasks]] = []
        self.cancels: list[pb.Cancel] = []
        self.committed: list[int] = []
        self.refused: list[int] = []
        self.welcome: pb.Welcome | None = None
        self.coordinators: list[str] = []
        self.on_cancel: OnCancel = lambda cancel: None
        self.echoes: list[int] = []
        self.beats = 0
        self.changed = asyncio.Condition()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        try:
            async for message in self._call:  # type: ignore[attr-defined]
                await self._take_in(message)
        except grpc.aio.AioRpcError:
            return
        finally:
            self.ended.set()

    async def _take_in(self, message: pb.WorkResponse) -> None:
        if message.HasField("welcome"):
            self.welcome = message.welcome
        self.coordinators = list(message.coordinators) or self.coordinators
        self.echoes += [message.echo_us] if message.echo_us else []
        self.beats += message.beat
        self.committed.extend(message.committed)
        self.refused.extend(message.refused)
        self.cancels.extend(message.cancels)
        for answer in map(self.on_cancel, message.cancels):
            if answer is not None:
                await self.say(answer)
        reports = []
        for group in map(in_full, message.tasks):
            for task in group.tasks:
                self.tasks.append((group.execution_id, task, group))
                outcome = self._decide(group, task)
                if outcome is not None:
                    reports.append(self.made(group.execution_id, task.ref, [outcome]))
        if reports:
            await self.say(pb.WorkRequest(reports=reports))
        async with self.changed:
            self.changed.notify_all()

    def made(
        self,
        execution_id: str,
        lease: NodeRef,
        outcomes: list[pb.NodeOutcome],
        continue_with: NodeRef | None = None,
    ) -> pb.SegmentReport:
        self._report_id += 1
        report = pb.SegmentReport(
            report_id=self._report_id, execution_id=execution_id, lease=lease, outcomes=outcomes
        )
        if continue_with is not None:
            report.continue_with.CopyFrom(continue_with)
        return report

    async def say(self, request: pb.WorkRequest) -> None:
        await self._call.write(request)  # type: ignore[attr-defined]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: bool(condition()))

    def lose_connection(self) -> None:
        self._call.cancel()  # type: ignore[attr-defined]


@asynccontextmanager
async def open_worker(
    channel: grpc.aio.Channel,
    decide: Decide = complete_all,
    *,
    worker_id: str = "w1",
    credit_count: int = 100,
    pool: str = "default",
    types: tuple[str, ...] = TYPES,
    held: tuple[tuple[str, NodeRef], ...] = (),
    giver: str = "",
    labels: Mapping[str, str] | None = None,
    resources: Mapping[str, float] | None = None,
    sent_us: int = 0,
) -> AsyncIterator[MemoryWorker]:
    call = DispatchServiceStub(channel).Work()
    hello = pb.Hello(worker_id=worker_id, pool=pool, node_types=types, credits=credit_count)
    hello.labels.update(labels or {})
    hello.resources.update(resources or {})
    for execution_id, ref in held:
        hello.held.add(execution_id=execution_id, ref=ref, coordinator_id=giver)
    await call.write(pb.WorkRequest(hello=hello, sent_us=sent_us))
    worker = MemoryWorker(call, decide)
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(worker.run())
        try:
            await worker.until(lambda: worker.welcome)
            yield worker
        finally:
            call.cancel()
            reader.cancel()
