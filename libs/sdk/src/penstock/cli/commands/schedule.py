"""`penstock schedule ...`."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import Cursor, Limit, OfWorkflow, Tags
from penstock.cli.output import print_next_page, print_table
from penstock.cli.params import PARAMS, Params
from penstock.cli.problems import with_exit_code
from penstock.cli.session import SERVER, Server
from penstock.cli.texts import clock_text
from penstock.sdk.schedules import Backfill, Fire, Schedule, SchedulePage

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
@with_exit_code
async def list_(
    *,
    workflow: OfWorkflow = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    call: Call = CALL,
) -> None:
    """List schedules with their next slots."""
    async with call.session() as client:
        page = await client.schedules.list(workflow, limit=limit, cursor=cursor)
    call.show(page, _print_schedules)


def _print_schedules(page: SchedulePage) -> None:
    rows = [
        (s.id, s.workflow, s.cron, s.timezone, s.next_slots[0] if s.next_slots else "", s.why)
        for s in page.items
    ]
    headings = ("ID", "WORKFLOW", "CRON", "ZONE", "NEXT", "WHY")
    print_table(headings, rows, gives_way=("WHY",))
    print_next_page(page.next_cursor)


@app.command
@with_exit_code
async def show(schedule: Id, /, *, call: Call = CALL) -> None:
    """Show a schedule: why it fires or does not, and its last decisions."""
    async with call.session() as client:
        found = await client.schedules.get(schedule)
    call.show(found, _print_schedule)


@app.command(name="set")
@with_exit_code
async def set_(  # noqa: PLR0913 - each is an option of the command
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
    params: Params = PARAMS,
    tag: Tags = None,
    note: Note = "",
    call: Call = CALL,
) -> None:
    """Make a schedule, or change the one with this id."""
    async with call.session() as client:
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
            params=params.build(known.params_schema),
            tags=tag or [],
            note=note,
        )
    call.show(stored, _print_schedule)


@app.command
@with_exit_code
async def pause(schedule: Id, /, *, note: Note = "", server: Server = SERVER) -> None:
    """Keep a schedule from firing."""
    async with server.session() as client:
        paused = await client.schedules.pause(schedule, note)
    print(paused.why)


@app.command
@with_exit_code
async def resume(schedule: Id, /, *, note: Note = "", server: Server = SERVER) -> None:
    """Let a schedule fire again, from now on."""
    async with server.session() as client:
        resumed = await client.schedules.resume(schedule, note)
    print(resumed.why)


@app.command
@with_exit_code
async def remove(schedule: Id, /, *, server: Server = SERVER) -> None:
    """Remove a schedule; its executions stay."""
    async with server.session() as client:
        await client.schedules.remove(schedule)
    print(f"{schedule} removed")


@app.command
@with_exit_code
async def trigger(schedule: Id, /, *, server: Server = SERVER) -> None:
    """Start an execution now, as a slot would; prints its id."""
    async with server.session() as client:
        triggered = await client.schedules.trigger(schedule)
    print(triggered.execution_id)


@app.command
@with_exit_code
async def backfill(
    schedule: Id,
    /,
    *,
    from_: Annotated[
        str, Parameter(name="--from", show_default=False, help="First instant, in ISO 8601.")
    ] = "",
    to: Annotated[str, Parameter(show_default=False, help="Last instant, in ISO 8601.")] = "",
    concurrency: Annotated[int, Parameter(help="Runs at the same time, 1 to 100.")] = 1,
    cancel: Annotated[str, Parameter(show_default=False, help="Stop the one with this id.")] = "",
    call: Call = CALL,
) -> None:
    """Start the slots of a past range that were not run; without a range, list what was begun."""
    async with call.session() as client:
        schedules = client.schedules
        found: tuple[Backfill, ...]
        if cancel:
            found = (await schedules.cancel_backfill(schedule, cancel),)
        elif from_ or to:
            found = (await schedules.backfill(schedule, from_, to, concurrency=concurrency),)
        else:
            found = await schedules.backfills(schedule)
    call.show({"items": found}, lambda _: _print_backfills(found))


@app.command(name="next")
@with_exit_code
async def next_(
    cron: Annotated[str, Parameter(help="A cron expression, or the id of a schedule.")],
    /,
    *,
    timezone: Zone = "UTC",
    count: Count = 10,
    server: Server = SERVER,
) -> None:
    """Print the next slots of a cron expression, or of a schedule."""
    async with server.session() as client:
        if cron.startswith("@") or (" " in cron.strip() and ":" not in cron):
            slots = (await client.schedules.preview(cron, timezone, count=count)).slots
        else:
            slots = (await client.schedules.get(cron, next_slots=count)).next_slots
    for slot in slots:
        print(slot)


def _print_schedule(schedule: Schedule) -> None:
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


def _print_backfills(found: tuple[Backfill, ...]) -> None:
    rows = [
        (b.id, b.status, f"{b.started + b.existing + b.refused}/{b.slots}", str(len(b.running)),
         b.from_, b.to)
        for b in found
    ]  # fmt: skip
    print_table(("ID", "STATUS", "DONE", "RUNNING", "FROM", "TO"), rows)
