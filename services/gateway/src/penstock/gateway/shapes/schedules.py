"""The public JSON of schedules."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

Overlap = Literal["allow", "skip", "queue", "cancel_running"]
CatchUp = Literal["none", "latest", "all"]
OutcomeName = Literal["STARTED", "SKIPPED", "QUEUED", "MISSED", "REFUSED"]
BackfillStatusName = Literal["RUNNING", "COMPLETED", "CANCELLED"]


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A schedule to make or to change into. `version` 0 starts the latest one; `revision` insists
    that the schedule is at it now."""

    workflow: str = ""
    cron: str = ""
    timezone: str = "UTC"
    version: int = 0
    params: Raw | UnsetType = UNSET
    tags: tuple[str, ...] = ()
    priority: int | None = None
    overlap: Overlap = "allow"
    catch_up: CatchUp = "latest"
    catch_up_window_s: int = 0
    jitter_s: int = 0
    start_at: str | None = None
    end_at: str | None = None
    paused: bool = False
    note: str = ""
    revision: int = 0


class AnyScheduleBody(ScheduleBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same with its id, `schedule:<workflow>:<cron>` if there is none."""

    id: str = ""


class PauseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; an empty note leaves the one that is there."""

    note: str = ""


class PreviewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An expression; slots after an instant (now without it), at most 1,000."""

    cron: str = ""
    timezone: str = "UTC"
    after: str | None = None
    count: int = 10


class BackfillBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A past range, both ends included, and how many runs may go on at the same time."""

    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    concurrency: int = 1


class Preview(msgspec.Struct, frozen=True):
    """The next slots, as the wall shows them in the zone."""

    cron: str
    timezone: str
    slots: tuple[str, ...]


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a slot, or about all slots up to another one. `by_hand`: there was no
    slot."""

    slot: str
    outcome: OutcomeName
    decided_at: str
    execution_id: str | None = None
    reason: str = ""
    until: str | None = None
    by_hand: bool = False


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule: what was asked for, its next slots, and why it fires or does not."""

    id: str
    workflow: str
    version: int
    cron: str
    timezone: str
    params: Raw
    tags: tuple[str, ...]
    priority: int | None
    overlap: Overlap
    catch_up: CatchUp
    catch_up_window_s: int
    jitter_s: int
    start_at: str | None
    end_at: str | None
    paused: bool
    note: str
    from_file: bool
    revision: int
    created_at: str
    updated_at: str
    next_slots: tuple[str, ...]
    why: str
    queued_slot: str | None
    running: tuple[str, ...]
    fires: tuple[Fire, ...]
    tag: str


class SchedulePage(msgspec.Struct, frozen=True):
    """Schedules by id."""

    items: tuple[Schedule, ...]
    next_cursor: str | None


class Removed(msgspec.Struct, frozen=True):
    """It is gone; its executions are not."""

    id: str


class Triggered(msgspec.Struct, frozen=True):
    """The execution that was started; `existing` if the key was used before."""

    schedule: str
    execution_id: str
    existing: bool


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """How far a backfill is: `started` and `existing` (run before) slots of `slots`."""

    id: str
    schedule: str
    from_: str = msgspec.field(name="from")
    to: str
    concurrency: int
    status: BackfillStatusName
    slots: int
    started: int
    existing: int
    refused: int
    running: tuple[str, ...]
    reason: str
    created_at: str
    finished_at: str | None


class BackfillList(msgspec.Struct, frozen=True):
    """The last 100 backfills of a schedule, newest first."""

    items: tuple[Backfill, ...]
