"""Values inside events and commands: payloads, failures, references to attempts, statuses."""

from enum import IntEnum

import msgspec

INLINE_BYTES_MAX = 64 * 1024
"""Largest payload that travels inline; above it a claim check does."""


class Payload(msgspec.Struct, frozen=True, gc=False):
    """One JSON value: the text itself, or the claim check (`digest`, `size`) of a stored one when
    `digest` is set. A reader's fold may hold less: the `size` alone of a value that is left out."""

    json: bytes = b"null"
    digest: str = ""
    size: int = 0

    @property
    def is_left_out(self) -> bool:
        """True if nothing but its size is known here."""
        return not self.json and not self.digest


LAST_INSTANT_US = 253_402_300_799_999_000
"""The last millisecond of the year 9999: later instants cannot be written down by everybody."""

NULL = Payload()


class Failure(msgspec.Struct, frozen=True, gc=False):
    """What went wrong: class (`transient`, `permanent`, `system`, `user`), stable reason,
    sentence, facts as JSON."""

    error_class: str
    reason: str
    message: str
    details_json: bytes = b""


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One console line of user code."""

    at_us: int
    level: str
    message: str


class NodeRef(msgspec.Struct, frozen=True, gc=False):
    """An attempt of a node (`item` 0) or of the item `item - 1` of its fan-out."""

    node: int
    item: int = 0
    attempt: int = 1


class NodeStatus(IntEnum):
    """Where a node stands; numbers as in the journal's contract."""

    PENDING = 1
    QUEUED = 2
    RUNNING = 3
    WAITING = 4
    COMPLETED = 5
    FAILED = 6
    SKIPPED = 7
    CANCELLED = 8


class ExecutionStatus(IntEnum):
    """Where an execution stands; numbers as in the journal's contract. PAUSED is for readers: it is
    no end, and no row of the journal says so."""

    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4
    TIMED_OUT = 5
    PAUSED = 6


OPEN_STATUSES = frozenset({ExecutionStatus.RUNNING, ExecutionStatus.PAUSED})
"""Statuses of executions that have not ended."""


class OriginKind(IntEnum):
    """Why an execution was made from a past one; numbers as in the journal's contract."""

    RERUN = 1
    FORK = 2


class SkipReason(IntEnum):
    """Why a node did not run; numbers as in the journal's contract."""

    CONDITION = 1
    BRANCH = 2
    ON_ERROR = 3
    MANUAL = 4
    TIMEOUT = 5


class OnTimeout(IntEnum):
    """What becomes of a wait that runs out of time; numbers as in the journal's contract."""

    FAIL = 0
    SKIP = 1
    COMPLETE = 2
    APPROVE = 3
    REJECT = 4


class TaskKind(IntEnum):
    """Why a person is asked; numbers as in the journal's contract."""

    APPROVAL = 1
    EFFECT = 2


class HumanTask(msgspec.Struct, frozen=True, gc=False):
    """What a person is asked: a line, more of it, the JSON Schema of the data that come with the
    answer, whom it is meant for (empty: everybody), what they should see."""

    kind: TaskKind
    title: str
    description: str = ""
    form_json: bytes = b""
    assignees: tuple[str, ...] = ()
    data: Payload = NULL


class Operation(IntEnum):
    """What a person does to a node; numbers as in the journal's contract."""

    RETRY = 1
    SKIP = 2
    COMPLETE = 3
    FAIL = 4
    EDIT = 5
