"""Leased attempts of one coordinator and the reports it has not answered yet.

A session outlives the connection: when the stream breaks, work goes on, reports gather, and after
the reconnection everything unanswered is sent again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.common.rpc.streams import Outbox

LeaseKey = tuple[str, int, int, int]
"""Execution, node, item, attempt."""

ANNOUNCE_AFTER_US = 50_000
"""Age at which an attempt is told to be running: cheap nodes end before that and are not told."""
ANNOUNCED_MAX = 50
"""How many are told at a time, that is forty times a second."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """Good outcomes in a row: a report that is made into a message when it is sent. `template` is
    the message in bytes, with the nodes and attempt 1."""

    template: bytes
    outputs: list[bytes]
    durations_us: list[int]
    started_us: int
    attempt: int

    def write(self, report: pb.SegmentReport) -> None:
        """Fill a message."""
        row = report.completed
        row.MergeFromString(self.template)
        if len(self.outputs) == 1:
            row.outputs_json.append(self.outputs[0])
            row.durations_us.append(self.durations_us[0])
        else:
            row.outputs_json.extend(self.outputs)
            row.durations_us.extend(self.durations_us)
        row.started_unix_us = self.started_us
        if self.attempt != 1:
            row.attempt = self.attempt


class Lease:
    """One attempt that this worker was given, from its arrival to the answer to its report.

    `stop` abandons the work; `done` is called once when it has ended. `report` is set once the
    outcome is told; with it `size`, its bytes, and for an effect barrier `next_lease`, the
    attempt to go on with, and `verdict`, which the attempt to go on with knows as well.
    `fence_s`: it is stopped when nothing is heard of its coordinator for so long; 0 to go on.
    """

    __slots__ = (
        "announced",
        "done",
        "fence_s",
        "key",
        "next_lease",
        "report",
        "report_id",
        "session",
        "size",
        "started_us",
        "stop",
        "verdict",
    )

    def __init__(self, session: "Session", key: LeaseKey) -> None:
        self.session = session
        self.key = key
        self.started_us = 0
        self.announced = False
        self.fence_s = 0.0
        self.stop: Callable[[], object] | None = None
        self.done: Callable[[], None] | None = None
        self.report: pb.SegmentReport | Row | None = None
        self.report_id = 0
        self.size = 0
        self.next_lease: Lease | None = None
        self.verdict: asyncio.Future[bool] | None = None

    def end(self) -> None:
        """The work has ended, in whatever way."""
        done, self.done = self.done, None
        if done is not None:
            done()

    def write_ref(self, ref: journal_pb.NodeRef) -> None:
        """Fill a reference with this attempt."""
        _, ref.node, ref.item, ref.attempt = self.key


class Beat:
    """A sign of life without content."""


class Draining:
    """The worker takes no more tasks."""


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """An attempt that was to be abandoned has come to an end."""

    key: LeaseKey


Outgoing = Lease | pb.AttemptStarted | Beat | Draining | Stopped


class Session:
    """What this worker has of one coordinator. `fenced`: some of it may be under a fence."""

    def __init__(self, report_ids: Iterator[int]) -> None:
        self.fenced = False
        self.leases: dict[LeaseKey, Lease] = {}
        self.pending: dict[int, Lease] = {}
        self.outbox: Outbox[Outgoing] | None = None
        self.busy = asyncio.Event()
        self.heard_s = 0.0
        self._young: deque[Lease] = deque()
        self._report_ids = report_ids

    def bind(self, outbox: Outbox[Outgoing]) -> None:
        """A stream is there: send what is unanswered, in order."""
        self.outbox = outbox
        for reported in self.pending.values():
            outbox.put(reported)
        self._young.clear()
        for lease in self.leases.values():
            lease.announced = False
            self._young.append(lease)

    def unbind(self, outbox: Outbox[Outgoing]) -> None:
        """The stream is gone, unless another one took its place."""
        if self.outbox is outbox:
            self.outbox = None

    def take(self, key: LeaseKey) -> Lease | None:
        """A new lease for what the coordinator hands out; None if this worker has it already."""
        leases = self.leases
        if key in leases and not self._gives_way(leases[key]):
            return None
        if not leases:
            self.busy.set()
        lease = leases[key] = Lease(self, key)
        self._young.append(lease)
        return lease

    def _gives_way(self, known: Lease) -> bool:
        """True if this worker only asked to go on with the attempt: if it is handed out all the
        same, then not because of that, and who asked gets no leave."""
        verdict = known.verdict
        if verdict is None or verdict.done() or known.report is not None:
            return False
        verdict.set_result(False)
        return True

    def drop(self, lease: Lease) -> None:
        """Nothing more is to be said about this attempt."""
        if self.leases.pop(lease.key, None) is not None and not self.leases:
            self._rest()

    def _rest(self) -> None:
        """Nothing is held any more."""
        self._young.clear()
        self.busy.clear()

    def report(self, lease: Lease, report: pb.SegmentReport) -> None:
        """Report the last outcomes under a lease."""
        if not report.HasField("lease") and not report.HasField("completed"):
            lease.write_ref(report.lease)
        report.execution_id = lease.key[0]
        self.tell(lease, report, report.ByteSize())
        report.report_id = lease.report_id

    def tell(self, lease: Lease, report: pb.SegmentReport | Row, size: int) -> None:
        """Put a report on its way.

        There is nothing to stop any more; and what stops the work holds the lease, which would keep
        both until the garbage collector finds them.
        """
        lease.stop = None
        if lease.done is not None:
            lease.end()
        lease.report_id = report_id = next(self._report_ids)
        lease.report = report
        lease.size = size
        self.pending[report_id] = lease
        if self.outbox is not None:
            self.outbox.put(lease)

    async def commit(self, lease: Lease, report: pb.SegmentReport, node: int) -> Lease | None:
        """Report outcomes and wait until they are on disk: the lease to go on with `node`, or None
        if the report is void."""
        key = (lease.key[0], node, 0, 1)
        next_lease = None if key in self.leases else self.take(key)
        if next_lease is None:
            self.report(lease, report)
            return None
        next_lease.stop = lease.stop
        next_lease.fence_s = lease.fence_s
        next_lease.write_ref(report.continue_with)
        lease.next_lease = next_lease
        lease.verdict = next_lease.verdict = asyncio.get_running_loop().create_future()
        self.report(lease, report)
        return next_lease if await lease.verdict else None

    def on_answers(self, report_ids: Iterable[int], *, committed: bool) -> None:
        """The coordinator says what became of reports."""
        leases, take = self.leases, self.pending.pop
        for report_id in report_ids:
            lease = take(report_id, None)
            if lease is None:
                continue
            leases.pop(lease.key, None)
            if lease.next_lease is not None:
                self._on_verdict(lease, lease.next_lease, committed)
        if not leases:
            self._rest()

    def _on_verdict(self, lease: Lease, next_lease: Lease, committed: bool) -> None:
        """It may go on with the next attempt, or not: then it loses it, unless it was handed that
        very attempt since."""
        if not committed and self.leases.get(next_lease.key) is next_lease:
            del self.leases[next_lease.key]
        if lease.verdict is not None and not lease.verdict.done():
            lease.verdict.set_result(committed)

    def on_cancel(self, cancel: pb.Cancel) -> None:
        """Abandon an attempt, or all of an execution."""
        if cancel.HasField("ref"):
            ref = cancel.ref
            lease = self.leases.get((cancel.execution_id, ref.node, ref.item, ref.attempt))
            found = [lease] if lease is not None else []
        else:
            found = [one for key, one in self.leases.items() if key[0] == cancel.execution_id]
        for lease in found:
            self.abandon(lease)

    def abandon(self, lease: Lease) -> None:
        """Stop an attempt without a report; one that was reported is left to its answer."""
        if lease.report is not None:
            return
        self.drop(lease)
        if lease.stop is not None:
            lease.stop()
        lease.end()

    def announce(self, now_us: int) -> None:
        """Tell of attempts that have been running for a while, of a few at a time: when a worker
        has more than it can do, nearly all are old and few are running.

        Each attempt is looked at once: those that came later began later, or a moment before.
        """
        if self.outbox is None:
            return
        young, waiting = self._young, []
        began_before = now_us - ANNOUNCE_AFTER_US
        left = ANNOUNCED_MAX
        while young and left and young[0].started_us <= began_before:
            lease = young.popleft()
            if self.leases.get(lease.key) is not lease or lease.report is not None:
                continue
            if not lease.started_us:
                waiting.append(lease)
            elif not lease.announced:
                left -= 1
                lease.announced = True
                started = pb.AttemptStarted(
                    execution_id=lease.key[0], started_unix_us=lease.started_us
                )
                lease.write_ref(started.ref)
                self.outbox.put(started)
        young.extendleft(reversed(waiting))

    def hand_back(self, cause: str) -> None:
        """Stop everything and give it back: the attempts are lost, not failed."""
        for lease in list(self.leases.values()):
            self._hand_back(lease, cause)

    def _hand_back(self, lease: Lease, cause: str) -> None:
        if lease.report is not None:
            return
        report = pb.SegmentReport()
        outcome = report.outcomes.add(started_unix_us=lease.started_us)
        lease.write_ref(outcome.ref)
        outcome.lost.cause = cause
        stop, lease.stop = lease.stop, None
        self.report(lease, report)
        if stop is not None:
            stop()

    def fence(self, keys: Iterable[LeaseKey], fence_s: float) -> None:
        """These go on only as long as the coordinator is heard of."""
        self.fenced = True
        for key in keys:
            lease = self.leases.get(key)
            if lease is not None:
                lease.fence_s = fence_s

    def hear(self, at_s: float) -> None:
        """The coordinator was there at this time at least: later than what it had heard by then was
        sent. When its word arrives says nothing, for it may have been stuck on its way."""
        self.heard_s = max(self.heard_s, at_s)

    def comes_too_late(self, group: pb.ExecutionTasks, now_s: float) -> bool:
        """Hand tasks under a fence back if their coordinator may have given them up since."""
        if (now_s - self.heard_s) * 1000 <= group.fence_ms:
            return False
        keys = [(group.execution_id, node, 0, 1) for node in group.first_attempts]
        keys += [
            (group.execution_id, task.ref.node, task.ref.item, task.ref.attempt)
            for task in group.tasks
        ]
        for key in keys:
            lease = self.take(key)
            if lease is not None:
                self._hand_back(lease, "it came when its coordinator was not heard of any more")
        return True

    def keep_fences(self, now_s: float) -> bool:
        """Stop and give back what is under a fence when nothing was heard for too long; True if
        something still is. O(attempts held)."""
        fenced = [one for one in self.leases.values() if one.fence_s and one.report is None]
        silent_s = now_s - self.heard_s
        for lease in fenced:
            if silent_s > lease.fence_s:
                self._hand_back(lease, "its coordinator was not heard of for too long")
        self.fenced = bool(fenced)
        return self.fenced

    def on_stopped(self, lease: Lease) -> None:
        """The work of a lease was cut short."""
        if lease.fence_s and lease.report is None and self.outbox is not None:
            self.outbox.put(Stopped(lease.key))
