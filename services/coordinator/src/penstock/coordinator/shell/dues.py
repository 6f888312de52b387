"""What a turn's steps owe to elsewhere, until it stands in the append beside their records.

A notice's number is the position of the record that owes it and its place there: unique within the
shard, ascending, and the same if the append is sent again.
"""

import msgspec

from penstock.api.peer.v1.peer_service_pb2 import Notice
from penstock.api.state.v1.state_service_pb2 import ShardWrite
from penstock.common.value_codec import write_ref
from penstock.coordinator.core.turn import Step
from penstock.coordinator.shell.live import Live, Shard
from penstock.coordinator.shell.notices.notice_codec import notice_to_proto

_PLACES = 20
"""Bits for the place within a record: a step owes at most a notice for each item of a fan-out."""


class Owed(msgspec.Struct, gc=False):
    """A notice that is on disk and has not arrived yet. `tries` failed so far; `since_s` is when
    it came to the outbox, on the monotonic clock."""

    shard: Shard
    id: int
    notice: Notice
    tries: int = 0
    since_s: float = 0.0


class Dues:
    """Gathers for one turn."""

    def __init__(self) -> None:
        self._steps: dict[str, list[Step]] = {}
        self._owed: list[Owed] = []

    def note(self, live: Live, decided: Step) -> None:
        """A step owes something or settles it."""
        self._steps.setdefault(live.id, []).append(decided)

    def add_to(self, write: ShardWrite, live: Live, position: int) -> None:
        """Put what an execution owes beside its record."""
        number = position << _PLACES
        started = live.state.started
        trace = started.traceparent if started is not None else ""
        for decided in self._steps.pop(live.id, ()):
            for notice in decided.notices:
                message = notice_to_proto(notice, live.tenant, live.id, trace)
                write.dues.notices.add(id=number, body=message.SerializeToString())
                self._owed.append(Owed(live.shard, number, message))
                number += 1
            write.dues.settled_notices.extend(decided.settled)

    def take(self) -> list[Owed]:
        """What was put into appends since the last call; what could not be is forgotten."""
        owed, self._owed = self._owed, []
        self._steps.clear()
        return owed

    def __bool__(self) -> bool:
        return bool(self._steps)


def add_child(write: ShardWrite, live: Live) -> None:
    """Link an execution that begins to the node that started it."""
    parent = live.state.parent
    if parent is not None:
        child = write.dues.children.add(
            execution_id=live.id, tenant=live.tenant, parent_id=parent.execution_id
        )
        write_ref(child.ref, parent.ref)
