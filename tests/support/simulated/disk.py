"""What survives every crash: journal rows, leases, definitions, large values. The rules of appends
and leases are those of `state_service.proto`, written down once more without a database.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_RUNNING
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from support.schedule_twin import MemorySchedules

RESTS, ENDED = 1, 2
"""`Rest` of a record: it only waits from here on; it waits no more."""


@dataclass
class History:
    """One execution's rows and where it stands."""

    shard: int
    tenant: str
    rows: list[pb.JournalRecord] = field(default_factory=list)
    ended: bool = False
    resting: bool = False
    wake_us: int = 0

    @property
    def last_seq(self) -> int:
        return self.rows[-1].last_seq if self.rows else 0


@dataclass
class Disk:
    """`on_row` hears of every row at the instant of its commit; `faults` is what must not be."""

    shard_count: int = 4
    members: dict[str, str] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    heads: dict[int, int] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    workflows: dict[str, wf.Workflow] = field(default_factory=dict)
    payloads: dict[str, bytes] = field(default_factory=dict)
    notices: dict[tuple[int, int], bytes] = field(default_factory=dict)
    children: list[pb.ChildRecord] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    repeats: int = 0
    stolen: Counter[int] = field(default_factory=Counter)
    on_row: Callable[[pb.JournalRecord], None] = lambda record: None
    settled: set[int] = field(default_factory=set)
    schedules: MemorySchedules = field(init=False)

    def __post_init__(self) -> None:
        self.schedules = MemorySchedules(self.shard_count, self.epochs, self._live)

    def _live(self) -> set[str]:
        return {each for each, history in self.histories.items() if not history.ended}

    def append(self, request: pb.AppendRequest) -> pb.AppendResponse:
        """All or nothing per shard, under its epoch, idempotent by position."""
        answer = pb.AppendResponse(batch_id=request.batch_id)
        for write in request.writes:
            head = self.heads.get(write.shard, 0)
            last = write.first_position + len(write.records) - 1
            if self.epochs.get(write.shard, 0) != write.epoch:
                answer.fenced_shards.append(write.shard)
            elif last <= head:
                self.repeats += 1
            elif write.first_position != head + 1:
                self.faults.append(f"shard {write.shard}: {write.first_position} follows {head}")
            else:
                self.heads[write.shard] = last
                for record in write.records:
                    self._keep(write.shard, record)
                self._keep_dues(write.shard, write.dues)
        return answer

    def _keep_dues(self, shard: int, dues: pb.Dues) -> None:
        for notice in dues.notices:
            if (shard, notice.id) in self.notices:
                self.faults.append(f"shard {shard} owes two things under the number {notice.id}")
            self.notices[shard, notice.id] = notice.body
        for settled in dues.settled_notices:
            self.notices.pop((shard, settled), None)
        self.children.extend(dues.children)

    def _keep(self, shard: int, record: pb.JournalRecord) -> None:
        history = self.histories.get(record.execution_id)
        if history is None:
            history = self.histories[record.execution_id] = History(shard, record.tenant)
        if record.first_seq != history.last_seq + 1:
            self.faults.append(
                f"{record.execution_id}: {record.first_seq} follows {history.last_seq} (I7)"
            )
        if history.shard != shard:
            self.faults.append(f"{record.execution_id} moved from shard {history.shard}")
        if history.ended:
            self.faults.append(f"{record.execution_id} was written to after its end (I5)")
        history.rows.append(record)
        row = record.projection
        history.ended = row.status != EXECUTION_STATUS_RUNNING
        history.wake_us = row.wake_unix_us
        rest = int(getattr(row, "rest", 0))
        if rest:
            history.resting = rest == RESTS
        self.on_row(record)

    def join(self, member: str, address: str, *, leaving: bool) -> pb.JoinResponse:
        """A sign of life, or the wish to go."""
        if leaving:
            self.members.pop(member, None)
            self.holders = {n: who for n, who in self.holders.items() if who != member}
        else:
            self.members[member] = address
        return pb.JoinResponse(
            shard_count=self.shard_count,
            members=[pb.Member(coordinator_id=i, address=a) for i, a in self.members.items()],
            leases=[
                pb.Lease(shard=n, coordinator_id=who, epoch=self.epochs[n])
                for n, who in self.holders.items()
            ],
            schedules_changed=self.schedules.number,
        )

    def acquire(self, member: str, shards: list[int]) -> list[pb.GrantedShard]:
        """Take what is free, each under a new epoch."""
        free = [n for n in shards if self.holders.get(n) not in self.members]
        for shard in free:
            self.holders[shard] = member
            self.epochs[shard] = self.epochs.get(shard, 0) + 1
        granted = [
            pb.GrantedShard(
                shard=n,
                epoch=self.epochs[n],
                head=self.heads.get(n, 0),
                settled=n in self.settled,
            )
            for n in free
        ]
        self.settled.difference_update(free)
        return granted

    def release(self, member: str, shards: list[int], settled: dict[int, int]) -> None:
        """Give shards back."""
        for shard in shards:
            if self.holders.get(shard) == member:
                del self.holders[shard]
                if settled.get(shard) == self.epochs[shard]:
                    self.settled.add(shard)

    def steal(self, shard: int) -> None:
        """The lease of a shard ends without its holder's knowing: its next write is fenced."""
        self.stolen[shard] += 1
        self.epochs[shard] = self.epochs.get(shard, 0) + 1
        self.holders.pop(shard, None)

    def given_up(self, takings: int) -> list[str]:
        """Shards that were taken more often than so many times and their losses explain."""
        return [
            f"shard {shard} is in epoch {epoch}: its lease was given up for nothing"
            for shard, epoch in self.epochs.items()
            if epoch > takings + 2 * self.stolen[shard]
        ]

    def store(self, json: bytes) -> tuple[str, int]:
        """Keep a value by its content."""
        digest = hashlib.sha256(json).hexdigest()
        self.payloads[digest] = json
        return digest, len(json)
