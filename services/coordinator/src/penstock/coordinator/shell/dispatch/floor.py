"""The floor: workers come, report, fall silent and go."""

import asyncio
from collections.abc import Mapping, Sequence

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.core.inputs import AttemptsLost, AttemptStarted, Report
from penstock.coordinator.shell.dispatch.holdings import Holdings
from penstock.coordinator.shell.dispatch.release import Release
from penstock.coordinator.shell.dispatch.workers import Stream, Worker, Workers
from penstock.coordinator.shell.live import Executions, Live, Shard
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.turns import Turns
from penstock.workflow.execution.values import NodeRef

_WATCH_S = 0.5
_CLAIMS_S = 15.0
"""How long a worker's word about what it holds counts for shards that are taken later: longer than
a lease lasts, so that a restarted coordinator can adopt what ran on."""
_EARLY_MAX = 10_000
"""Reports kept for shards that are still on their way."""

NOTHING: Mapping[str, float] = {}

Claims = Mapping[str, Sequence[NodeRef]]
"""Attempts by execution id."""


class ReportCaller:
    """A worker that waits for the answer to a report."""

    __slots__ = ("execution_id", "report", "report_id", "worker")

    def __init__(self, worker: Worker, report_id: int, execution_id: str, report: Report) -> None:
        self.worker = worker
        self.report_id = report_id
        self.execution_id = execution_id
        self.report = report

    def on_committed(self, live: Live, accepted: bool) -> None:
        """Acknowledge or refuse."""
        self.worker.answer(self.report_id, accepted)
        if not accepted:
            self.worker.flush()

    def on_failed(self, error: PenstockError) -> None:
        """The execution is not ours any more: the work is void."""
        report = self.report
        refs = (report.lease, *((report.continue_with,) if report.continue_with else ()))
        self.worker.forgets(self.report_id, self.execution_id, refs)
        self.worker.flush()


class Floor:
    """What workers say, turned into inputs."""

    def __init__(
        self,
        workers: Workers,
        executions: Executions,
        holdings: Holdings,
        turns: Turns,
        release: Release,
        shards: Shards,
    ) -> None:
        self._gate = release.gate
        self._workers = workers
        self._executions = executions
        self._holdings = holdings
        self._turns = turns
        self._release = release
        self._shards = shards
        self._early: list[tuple[Worker, int, str, Report]] = []
        self._log = get_logger("workers")

    def arrive(
        self,
        hello: Hello,
        claims: Claims,
        elsewhere: Mapping[str, float] = NOTHING,
        sent_us: int = 0,
    ) -> tuple[Worker, Stream]:
        """A worker is here: adopt what it holds, hand out again what it never got. `elsewhere` is
        what other coordinators' attempts hold of its resources, `sent_us` when it said so."""
        worker, returned = self._workers.arrive(hello)
        worker.echo_us = sent_us
        self._workers.uses_elsewhere(worker, elsewhere)
        worker.claims = dict(claims)
        self._log.info("worker_arrived", worker=worker.id, pool=worker.pool, returned=returned)
        for execution_id, refs in claims.items():
            self._take_claim(worker, execution_id, refs)
        if returned:
            self._repeat_unseen(worker, claims)
        self._release.hand_out()
        return worker, worker.stream

    def uses_elsewhere(self, worker: Worker, resources: Mapping[str, float]) -> None:
        """What other coordinators' attempts hold of a worker changed: maybe something fits now."""
        self._workers.uses_elsewhere(worker, resources)
        self._release.hand_out()

    def _take_claim(self, worker: Worker, execution_id: str, refs: Sequence[NodeRef]) -> None:
        """A worker's word about an execution counts once: from then on it is known what it holds,
        and if the shard is lost, that is revoked: it has nothing of the execution any more."""
        live = self._executions.get(execution_id)
        if live is None:
            if self._is_over(execution_id) or self._shards.is_elsewhere(execution_id):
                worker.claims.pop(execution_id, None)
                worker.cancel(execution_id, None)
            return
        worker.claims.pop(execution_id, None)
        for ref in refs:
            adopted = self._holdings.adopt(live, ref, worker)
            if not adopted and self._holdings.is_void(live, ref, worker):
                worker.cancel(execution_id, ref)

    def _repeat_unseen(self, worker: Worker, claims: Claims) -> None:
        """Tasks that were on their way when the stream broke: the worker does not name them, so it
        never began. An attempt it asked to go on with stays its own: its report names the lease."""
        for live in list(self._executions.by_id.values()):
            if not live.state.holders:
                continue
            held = claims.get(live.id, ())
            for ref in self._holdings.held_by(live, worker):
                if ref in held or worker.continued.get((live.id, ref)) in held:
                    continue
                self._holdings.take_back(live, ref, worker)
                if live.permits is not None:
                    self._gate.returned(live, live.permits, ref)
                self._release.ready.add(live, (ref,))

    def _is_over(self, execution_id: str) -> bool:
        """True if the execution's shard is here and it is not."""
        try:
            self._shards.of(execution_id)
        except PenstockError:
            return False
        return execution_id not in self._executions.by_id

    def report(self, worker: Worker, report_id: int, execution_id: str, report: Report) -> None:
        """A worker reports a segment."""
        live = self._executions.get(execution_id)
        if worker.void and report_id in worker.void:
            worker.answer(report_id, False)
            worker.flush()
        elif live is not None:
            caller = ReportCaller(worker, report_id, execution_id, report)
            self._turns.put(live, report, caller)
        elif (
            self._is_over(execution_id)
            or self._shards.is_elsewhere(execution_id)
            or len(self._early) >= _EARLY_MAX
        ):
            worker.claims.pop(execution_id, None)
            worker.answer(report_id, False)
            worker.flush()
        else:
            self._early.append((worker, report_id, execution_id, report))

    def started(self, execution_id: str, started: AttemptStarted) -> None:
        """A worker has been busy with an attempt for a while."""
        live = self._executions.get(execution_id)
        if live is not None:
            self._turns.put(live, started)

    def on_loaded(self, shard: Shard) -> None:
        """A shard came to life: adopt what workers said they hold, take reports that were early."""
        self._shards.refresh()
        for worker in self._workers.recent(_CLAIMS_S):
            for execution_id in sorted(worker.claims.keys() & shard.executions.keys()):
                self._take_claim(worker, execution_id, worker.claims[execution_id])
        self._take_early()

    def stopped(self, execution_id: str, ref: NodeRef) -> None:
        """A worker does not run an attempt any more that it was told to stop."""
        self._gate.stopped(execution_id, ref)

    def _take_early(self) -> None:
        """Look again at reports that were early: their shard may be here now, or elsewhere."""
        early, self._early = self._early, []
        for worker, report_id, execution_id, report in early:
            self.report(worker, report_id, execution_id, report)

    def left(self, worker: Worker, stream: Stream) -> None:
        """A stream ended."""
        self._log.info("worker_stream_ended", worker=worker.id, draining=worker.draining)
        self._workers.broke(worker, stream)

    async def watch(self) -> None:
        """Give up workers that are silent or do not come back, and answer reports whose shard went
        to another coordinator, for ever."""
        while True:
            await asyncio.sleep(_WATCH_S)
            self.give_up_lost()
            self._release.keep_fenced()
            if self._early:
                self._take_early()

    def give_up_lost(self) -> None:
        """Queue again what workers that are gone held. O(executions) if there are any."""
        gone: dict[str, tuple[Worker, str]] = {}
        for worker, cause in self._workers.take_lost():
            self._log.warning("worker_lost", worker=worker.id, cause=cause)
            gone[worker.id] = (worker, f"worker {worker.id} is gone: {cause}")
        if not gone:
            return
        for live in list(self._executions.by_id.values()):
            holders = live.state.holders
            for worker_id in sorted(gone.keys() & holders.values()) if holders else ():
                worker, why = gone[worker_id]
                refs = self._holdings.give_up(live, worker)
                if live.permits is not None:
                    self._gate.lost(live, live.permits, refs)
                self._turns.put(live, AttemptsLost(tuple(refs), why))
