"""What people hand in as a schedule, checked: everything that is wrong is told at once."""

from penstock.api.schedule.v1.schedule_pb2 import Schedule
from penstock.common.errors import InvalidSchedule, PenstockError
from penstock.common.schedule_codec import default_id
from penstock.coordinator.shell.starts.asked import TAGS_MAX, decoded_object
from penstock.workflow.issues import IssueList, Place, to_dicts
from penstock.workflow.schedules.cron import Cron, read_cron

ID_CHARS_MAX = 240
"""With `schedule:` in front it is the label of the runs, which has at most 255 characters."""
NOTE_CHARS_MAX = 1_000
TAG_CHARS_MAX = 255
PARAMS_BYTES_MAX = 64 * 1024
"""They are read at each slot."""
JITTER_S_MAX = 86_400
WINDOW_S_MAX = 366 * 86_400
_PRIORITY_PLUS_ONE_MAX = 10
_YEAR_9000_US = 221_845_392_000_000_000


def checked(given: Schedule) -> Schedule:
    """The schedule with its expression in one form and its id filled in. Raises `InvalidSchedule`
    with all findings."""
    issues = IssueList()
    schedule = Schedule()
    schedule.CopyFrom(given)
    schedule.from_file = False
    cron = checked_cron(schedule.timing.cron, schedule.timing.timezone or "UTC", issues)
    if cron is not None:
        schedule.timing.cron, schedule.timing.timezone = cron.text, cron.timezone
    if not schedule.workflow:
        _wrong(issues, "workflow", '"workflow" is missing.', "name the workflow to start")
    schedule.id = schedule.id or default_id(schedule.workflow, schedule.timing.cron)
    _check_texts(schedule, issues)
    _check_numbers(schedule, issues)
    try:
        if schedule.params_json:
            decoded_object(schedule.params_json, "params")
    except PenstockError as error:
        _wrong(issues, "params", error.message, error.fix or "give an object")
    if issues.failed:
        raise InvalidSchedule(issues=to_dicts(issues.sorted()))
    return schedule


def checked_cron(expression: str, timezone: str, issues: IssueList) -> Cron | None:
    """The expression in its zone; None, and findings, if it makes no sense."""
    read = read_cron(expression, timezone)
    if isinstance(read, Cron):
        return read
    for problem in read:
        path = "timezone" if problem.code == "BAD_TIMEZONE" else "cron"
        issues.error(problem.code, Place(path=path), problem.message, problem.fix)
    return None


def _check_texts(schedule: Schedule, issues: IssueList) -> None:
    for path, text, most in (
        ("id", schedule.id, ID_CHARS_MAX),
        ("workflow", schedule.workflow, 255),
        ("note", schedule.note, NOTE_CHARS_MAX),
    ):
        if len(text) > most or "\x00" in text:
            _wrong(issues, path, f'"{path}" has {len(text)} characters.', f"give at most {most}")
    if not schedule.id.isprintable():
        _wrong(issues, "id", '"id" holds a character that is not printable.', "remove it")
    if len(schedule.tags) > TAGS_MAX or any(
        not 0 < len(tag) <= TAG_CHARS_MAX or "\x00" in tag or "\x1f" in tag or "\x1e" in tag
        for tag in schedule.tags
    ):
        fix = f"give at most {TAGS_MAX} texts of 1 to {TAG_CHARS_MAX} printable characters"
        _wrong(issues, "tags", '"tags" is not acceptable.', fix)
    if len(schedule.params_json) > PARAMS_BYTES_MAX:
        message = f'"params" has {len(schedule.params_json)} bytes.'
        _wrong(issues, "params", message, f"give at most {PARAMS_BYTES_MAX}, or a reference")


def _check_numbers(schedule: Schedule, issues: IssueList) -> None:
    timing = schedule.timing
    for path, number, most in (
        ("jitter_s", timing.jitter_s, JITTER_S_MAX),
        ("catch_up_window_s", timing.catch_up_window_s, WINDOW_S_MAX),
        ("priority", schedule.priority_plus_one, _PRIORITY_PLUS_ONE_MAX),
        ("start_at", timing.start_unix_us, _YEAR_9000_US),
        ("end_at", timing.end_unix_us, _YEAR_9000_US),
    ):
        if not 0 <= number <= most:
            _wrong(issues, path, f'"{path}" is out of bounds.', _bound(path, most))
    if timing.end_unix_us and timing.end_unix_us <= timing.start_unix_us:
        _wrong(issues, "end_at", '"end_at" is not after "start_at".', "give a later instant")


def _bound(path: str, most: int) -> str:
    return "give 0 to 9" if path == "priority" else f"give at most {most}"


def _wrong(issues: IssueList, path: str, message: str, fix: str) -> None:
    issues.error("BAD_VALUE", Place(path=path), message, fix)
