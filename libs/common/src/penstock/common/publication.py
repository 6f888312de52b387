"""How journal rows travel over the event bus: on which subject, and how many in a message. Pure.

Theory. A message costs the bus and its ends as much as dozens of rows (8 us in nats-server and as
much in Python, against 0.5 us for a row), so all rows of a commit go together. An account has a few
subjects, its lanes, and an execution is always in the same one: whoever follows a single execution
in a busy cluster gets its lane's rows only, and finds its own by a look into a dictionary.
"""

from collections.abc import Iterator, Sequence

from penstock.api.journal.v1.journal_pb2 import Publication

LANES = 4
MESSAGE_BYTES_MAX = 768 * 1024
"""Below 1 MiB, which is NATS's limit for a message unless it is told otherwise."""

Message = tuple[str, bytes]
"""Subject and body."""


def event_subject(tenant: str, execution_id: str) -> str:
    """Where the events of an execution are published: its lane."""
    return f"penstock.events.{tenant}.{ord(execution_id[-1]) % LANES}"


def mark_subject(shard: int) -> str:
    """Where it is noted up to which position a shard's rows have been published."""
    return f"penstock.marks.{shard}"


def mark_body(position: int) -> bytes:
    """A note that a shard's rows are published up to a position."""
    return b"%d" % position


def marked_position(body: bytes | None) -> int:
    """Position that a mark tells; 0 if there is none."""
    return int(body) if body and body.isdigit() else 0


class Packer:
    """Puts rows together into messages; what has one subject stays in order."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, int], tuple[list[str], list[bytes]]] = {}
        self.rows = 0

    def add(self, tenant: str, execution_id: str, body: bytes) -> None:
        """Take a row."""
        key = (tenant, ord(execution_id[-1]) % LANES)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = ([], [])
        lane[0].append(execution_id)
        lane[1].append(body)
        self.rows += 1

    def messages(self) -> list[Message]:
        """Everything that was taken. Rows too large for a message go without their body."""
        made: list[Message] = []
        for (tenant, _), (ids, bodies) in self._lanes.items():
            subject = event_subject(tenant, ids[0])
            if sum(map(len, bodies)) + 64 * len(ids) <= MESSAGE_BYTES_MAX:
                made.append((subject, _message(ids, bodies)))
            else:
                made.extend((subject, _message(*part)) for part in _parts(ids, bodies))
        return made


def _message(ids: Sequence[str], bodies: Sequence[bytes]) -> bytes:
    return Publication(execution_ids=ids, bodies=bodies).SerializeToString()


def _parts(ids: Sequence[str], bodies: Sequence[bytes]) -> Iterator[tuple[list[str], list[bytes]]]:
    """The rows cut into parts that fit into a message each."""
    part: tuple[list[str], list[bytes]] = ([], [])
    size = 0
    for execution_id, whole in zip(ids, bodies, strict=True):
        body = whole if len(whole) + 64 <= MESSAGE_BYTES_MAX else b""
        if size + len(body) + 64 > MESSAGE_BYTES_MAX:
            yield part
            part, size = ([], []), 0
        part[0].append(execution_id)
        part[1].append(body)
        size += len(body) + 64
    yield part
