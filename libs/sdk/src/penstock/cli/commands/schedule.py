"""`penstock schedule ...`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import Cursor, DataDir, Limit, Output, Param, ParamsFile, Tags, Url
from penstock.cli.output import Format, print_next_page, print_table, print_value
from penstock.cli.params import build_params
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import clock_text
from penstock.sdk.schedules import Backfill, Fire, Schedule

OverlapChoice = Annotated[
    Literal["allow", "skip", "queue", "cancel_running"],
    Parameter(help="What a slot does while an earlier run goes on."),
]
CatchUpChoice = Annotated[
    Literal["none", "latest", "all"], Parameter(help="Which missed slots are made up for.")
]
NotBefore = Annotated[
    str, Parameter(show_default=False, help="No slot before this instant (RFC 3339).")
]
NotAfter = Annotated[
    str, Parameter(show_default=False, help="No slot after this instant (RFC 3339).")
]
PriorityOfRuns = Annotated[
    int | None,
    Parameter(show_default=False, help="Of its runs, 0 to 9; the workflow's without it."),
]

app = App(
    name="schedule",
    help="Start workflows at the slots of cron expressions.",
    help_format="plaintext",
)

Id = Annotated[str, Parameter(help="Id of a schedule.")]
Note = Annotated[str, Parameter(show_default=False, help="Why, for people.")]
Zone = Annotated[str, Parameter(help="Time zone, such as Europe/Madrid.")]
Count = Annotated[int, Parameter(help="How many slots, 1 to 1,000.")]


@app.command(name="list")
def list_(
    *,
    workflow: Annotated[str, Parameter(show_default=False, help="Only of this workflow.")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """List schedules with their next slots."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            page = await client.schedules.list(workflow, limit=limit, cursor=cursor)
        if output != "table":
            print_value(page, output)
            return ExitCode.OK
        rows = [
            (s.id, s.workflow, s.cron, s.timezone, s.next_slots[0] if s.next_slots else "", s.why)
            for s in page.items
        ]
        headings = ("ID", "WORKFLOW", "CRON", "ZONE", "NEXT", "WHY")
        print_table(headings, rows, gives_way=("WHY",))
        print_next_page(page.next_cursor)
        return ExitCode.OK

    return run_command(work)


@app.command
def show(
    schedule: Id,
    /,
    *,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show a schedule: why it fires or does not, and its last decisions."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.schedules.get(schedule)
        _tell(found, output)
        return ExitCode.OK

    return run_command(work)


@app.command(name="set")
def set_(  # noqa: PLR0913 - each is an option of the command
    workflow: Annotated[str, Parameter(help="Name of a workflow.")],
    cron: Annotated[str, Parameter(help='Cron expression, such as "*/5 * * * *" or @hourly.')],
    /,
    *,
    id: Annotated[  # noqa: A002
        str, Parameter(show_default=False, help="Id; schedule:<workflow>:<cron> without it.")
    ] = "",
    timezone: Zone = "UTC",
    overlap: OverlapChoice = "allow",
    catch_up: CatchUpChoice = "latest",
    catch_up_window_s: Annotated[
        int, Parameter(help="Make up only for slots not older than this; 0 for all.")
    ] = 0,
    jitter_s: Annotated[int, Parameter(help="Fire up to this many seconds later.")] = 0,
    start_at: NotBefore = "",
    end_at: NotAfter = "",
    priority: PriorityOfRuns = None,
    version: Annotated[int, Parameter(help="Version; 0 for the latest at each start.")] = 0,
    param: Param = None,
    params_file: ParamsFile = None,
    tag: Tags = None,
    note: Note = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Make a schedule, or change the one with this id."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            known = await client.get_workflow(workflow, version)
            stored = await client.schedules.put(
                workflow,
                cron,
                id=id,
                timezone=timezone,
                overlap=overlap,
                catch_up=catch_up,
                catch_up_window_s=catch_up_window_s,
                start_at=start_at or None,
                end_at=end_at or None,
                priority=priority,
                jitter_s=jitter_s,
                version=version,
                params=build_params(param or (), params_file, known.params_schema),
                tags=tag or [],
                note=note,
            )
        _tell(stored, output)
        return ExitCode.OK

    return run_command(work)


@app.command
def pause(schedule: Id, /, *, note: Note = "", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Keep a schedule from firing."""
    return _change("pause", schedule, note, url, data_dir)


@app.command
def resume(schedule: Id, /, *, note: Note = "", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Let a schedule fire again, from now on."""
    return _change("resume", schedule, note, url, data_dir)


def _change(what: Literal["pause", "resume"], schedule: str, note: str, url: str, at: Path) -> int:
    async def work() -> ExitCode:
        async with open_session(url, at) as client:
            change = client.schedules.pause if what == "pause" else client.schedules.resume
            print((await change(schedule, note)).why)
        return ExitCode.OK

    return run_command(work)


@app.command
def remove(schedule: Id, /, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Remove a schedule; its executions stay."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            await client.schedules.remove(schedule)
        print(f"{schedule} removed")
        return ExitCode.OK

    return run_command(work)


@app.command
def trigger(schedule: Id, /, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Start an execution now, as a slot would; prints its id."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            print((await client.schedules.trigger(schedule)).execution_id)
        return ExitCode.OK

    return run_command(work)


@app.command
def backfill(  # noqa: PLR0913 - each is an option of the command
    schedule: Id,
    /,
    *,
    from_: Annotated[
        str, Parameter(name="--from", show_default=False, help="First instant, in ISO 8601.")
    ] = "",
    to: Annotated[str, Parameter(show_default=False, help="Last instant, in ISO 8601.")] = "",
    concurrency: Annotated[int, Parameter(help="Runs at the same time, 1 to 100.")] = 1,
    cancel: Annotated[str, Parameter(show_default=False, help="Stop the one with this id.")] = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Start the slots of a past range that were not run; without a range, list what was begun."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            schedules = client.schedules
            found: tuple[Backfill, ...]
            if cancel:
                found = (await schedules.cancel_backfill(schedule, cancel),)
            elif from_ or to:
                found = (await schedules.backfill(schedule, from_, to, concurrency=concurrency),)
            else:
                found = await schedules.backfills(schedule)
        _tell_backfills(found, output)
        return ExitCode.OK

    return run_command(work)


@app.command(name="next")
def next_(
    cron: Annotated[str, Parameter(help="A cron expression, or the id of a schedule.")],
    /,
    *,
    timezone: Zone = "UTC",
    count: Count = 10,
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Print the next slots of a cron expression, or of a schedule."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            if cron.startswith("@") or (" " in cron.strip() and ":" not in cron):
                slots = (await client.schedules.preview(cron, timezone, count=count)).slots
            else:
                slots = (await client.schedules.get(cron, next_slots=count)).next_slots
        for slot in slots:
            print(slot)
        return ExitCode.OK

    return run_command(work)


def _tell(schedule: Schedule, output: Format) -> None:
    if output != "table":
        print_value(schedule, output)
        return
    print(f"{schedule.id}: {schedule.workflow} at {schedule.cron} ({schedule.timezone})")
    print(schedule.why)
    if schedule.fires:
        rows = [
            (slot_text(fire), fire.outcome, fire.execution_id or "", clock_text(fire.decided_at),
             fire.reason)
            for fire in schedule.fires
        ]  # fmt: skip
        print_table(("SLOT", "OUTCOME", "EXECUTION", "DECIDED", "REASON"), rows)


def slot_text(fire: Fire) -> str:
    """The slot that was decided about, or the slots; a start by hand has none."""
    if fire.by_hand:
        return "(by hand)"
    return f"{fire.slot} to {fire.until}" if fire.until else fire.slot


def _tell_backfills(found: tuple[Backfill, ...], output: Format) -> None:
    if output != "table":
        value: Any = {"items": found}
        print_value(value, output)
        return
    rows = [
        (b.id, b.status, f"{b.started + b.existing + b.refused}/{b.slots}", str(len(b.running)),
         b.from_, b.to)
        for b in found
    ]  # fmt: skip
    print_table(("ID", "STATUS", "DONE", "RUNNING", "FROM", "TO"), rows)
