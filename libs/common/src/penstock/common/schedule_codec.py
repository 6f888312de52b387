"""Schedules to and from the contracts, and when they are due."""

from collections.abc import Mapping

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.workflow.policies import CatchUp, Overlap
from penstock.workflow.schedules.cron import Cron
from penstock.workflow.schedules.deciding import Position
from penstock.workflow.schedules.timing import Timing, shift_of

OVERLAPS: Mapping[int, Overlap] = {
    pb.OVERLAP_UNSPECIFIED: "allow",
    pb.OVERLAP_ALLOW: "allow",
    pb.OVERLAP_SKIP: "skip",
    pb.OVERLAP_QUEUE: "queue",
    pb.OVERLAP_CANCEL_RUNNING: "cancel_running",
}
CATCH_UPS: Mapping[int, CatchUp] = {
    pb.CATCH_UP_UNSPECIFIED: "latest",
    pb.CATCH_UP_NONE: "none",
    pb.CATCH_UP_LATEST: "latest",
    pb.CATCH_UP_ALL: "all",
}
OVERLAP_NUMBERS: Mapping[str, pb.Overlap.ValueType] = {
    "allow": pb.OVERLAP_ALLOW,
    "skip": pb.OVERLAP_SKIP,
    "queue": pb.OVERLAP_QUEUE,
    "cancel_running": pb.OVERLAP_CANCEL_RUNNING,
}
CATCH_UP_NUMBERS: Mapping[str, pb.CatchUp.ValueType] = {
    "none": pb.CATCH_UP_NONE,
    "latest": pb.CATCH_UP_LATEST,
    "all": pb.CATCH_UP_ALL,
}
_SECOND_US = 1_000_000


def timing_of(schedule: pb.Schedule) -> Timing:
    """When a schedule fires; its expression was checked before it was stored."""
    timing = schedule.timing
    return Timing(
        cron=Cron(timing.cron, timing.timezone),
        overlap=OVERLAPS[timing.overlap],
        catch_up=CATCH_UPS[timing.catch_up],
        window_us=timing.catch_up_window_s * _SECOND_US,
        shift_us=shift_of(f"{schedule.tenant}/{schedule.id}", timing.jitter_s),
        start_us=timing.start_unix_us,
        end_us=timing.end_unix_us,
    )


def position_of(progress: pb.Progress) -> Position:
    """How far a schedule is."""
    return Position(progress.cursor_unix_us, progress.queued_unix_us)


def due_us(schedule: pb.Schedule, cursor_us: int) -> int:
    """When the first slot after the cursor fires; 0 if none will."""
    return 0 if schedule.paused else timing_of(schedule).due_us(cursor_us)


def default_id(workflow: str, cron: str) -> str:
    """The id of a schedule that was not given one."""
    return f"schedule:{workflow}:{cron}"


def tag_of(schedule_id: str) -> str:
    """The label that all executions of a schedule carry."""
    return schedule_id if schedule_id.startswith("schedule:") else f"schedule:{schedule_id}"
