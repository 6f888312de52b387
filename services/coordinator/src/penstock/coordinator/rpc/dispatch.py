"""DispatchService: one stream per worker, read and written side by side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from penstock.api.dispatch.v1.dispatch_service_pb2 import (
    Hello,
    SegmentReport,
    Welcome,
    WorkRequest,
    WorkResponse,
)
from penstock.api.dispatch.v1.dispatch_service_pb2_grpc import DispatchServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.logging import get_logger
from penstock.common.value_codec import ref_from_proto
from penstock.coordinator.adapters.outcomes import lease_of, report_from_proto, started_from_proto
from penstock.coordinator.core.inputs import Report
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.dispatch.workers import HEARTBEAT_MS, Worker
from penstock.workflow.execution.values import NodeRef

CREDITS_MAX = 100_000


class DispatchRpc(DispatchServiceServicer):
    """Workers come in here."""

    def __init__(
        self, coordinator: Coordinator, tasks: asyncio.TaskGroup, draw: Callable[[], float]
    ) -> None:
        self._coordinator = coordinator
        self._tasks = tasks
        self._draw = draw
        self._log = get_logger("dispatch")

    async def Work(
        self,
        requests: AsyncIterator[WorkRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[WorkResponse]:
        """One worker's stream, from its hello to its end."""
        first = await anext(requests, None)
        if first is None:
            return
        hello = _checked(first)
        known = self._coordinator.workers.by_id.get(hello.worker_id)
        if known is not None and first.sent_us < known.echo_us:
            self._log.info("worker_stream_outdated", worker=hello.worker_id)
            return  # it was stuck on its way: what it says of attempts held is no longer so
        floor = self._coordinator.floor
        claims = _claims(hello, self._coordinator.id)
        worker, stream = floor.arrive(hello, claims, first.elsewhere_resources, first.sent_us)
        reader = self._tasks.create_task(self._read(requests, first, worker))
        reader.add_done_callback(lambda _: stream.close())
        try:
            welcome = Welcome(
                coordinator_id=self._coordinator.id,
                heartbeat_ms=HEARTBEAT_MS,
            )
            members = self._coordinator.shards.members
            yield WorkResponse(welcome=welcome, coordinators=members)
            measures = self._coordinator.measures
            async for message in stream.messages():
                if groups := len(message.tasks):
                    measures.task_messages.inc()
                    measures.task_groups.inc(groups)
                yield message
        finally:
            reader.cancel()
            floor.left(worker, stream)

    async def _read(
        self, requests: AsyncIterator[WorkRequest], first: WorkRequest, worker: Worker
    ) -> None:
        """Take in what a worker says until its side of the stream ends."""
        try:
            self._take_in(first, worker)
            async for request in requests:
                self._take_in(request, worker)
        except grpc.aio.BaseError as error:
            self._log.info("worker_stream_broke", worker=worker.id, error=str(error)[:200])
        except Exception as fault:  # noqa: BLE001 - one worker must not stop the service
            self._log.error("worker_not_understood", worker=worker.id, exc_info=fault)

    def _take_in(self, request: WorkRequest, worker: Worker) -> None:
        coordinator = self._coordinator
        coordinator.workers.heard(worker, request.elsewhere)
        worker.echo_us = request.sent_us
        if request.elsewhere_resources or worker.ledger.elsewhere:
            coordinator.floor.uses_elsewhere(worker, request.elsewhere_resources)
        if request.draining:
            coordinator.workers.drain(worker)
        floor = coordinator.floor
        for started in request.started:
            floor.started(started.execution_id, started_from_proto(started, worker.id))
        for stopped in request.stopped:
            floor.stopped(stopped.execution_id, ref_from_proto(stopped.ref))
        worker_id, draw = worker.id, self._draw
        if count := len(request.reports):
            coordinator.measures.report_messages.inc()
            coordinator.measures.reports.inc(count)
        for report in request.reports:
            floor.report(
                worker,
                report.report_id,
                report.execution_id,
                self._understood(report, worker_id, draw),
            )

    def _understood(
        self, report: SegmentReport, worker_id: str, draw: Callable[[], float]
    ) -> Report:
        """The report; one that makes no sense becomes an empty one, which fails its lease."""
        try:
            return report_from_proto(report, worker_id, draw)
        except InvalidArgument as flaw:
            self._log.error("report_not_understood", worker=worker_id, error=flaw.message)
            return Report(worker_id, lease_of(report))


def _checked(first: WorkRequest) -> Hello:
    if not first.HasField("hello") or not first.hello.worker_id:
        raise InvalidArgument("the first message of a worker must hold hello with a worker_id")
    if not 0 < first.hello.credits <= CREDITS_MAX:
        raise InvalidArgument(
            f"a worker offers 1 to {CREDITS_MAX} credits", credits=first.hello.credits
        )
    return first.hello


def _claims(hello: Hello, coordinator_id: str) -> dict[str, list[NodeRef]]:
    """What a worker has of this coordinator. What others gave it is theirs: its report would go to
    them, so it must not be waited for here."""
    claims: dict[str, list[NodeRef]] = {}
    for held in hello.held:
        if held.coordinator_id and held.coordinator_id != coordinator_id:
            continue
        claims.setdefault(held.execution_id, []).append(ref_from_proto(held.ref))
    return claims
