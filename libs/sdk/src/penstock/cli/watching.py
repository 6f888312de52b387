"""Following an execution on the terminal until it ends."""

import asyncio
import itertools
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.live import Live

from penstock.cli.logs import print_log_tail
from penstock.cli.picture import ExecutionPicture
from penstock.cli.plain import LineTeller
from penstock.cli.problems import error_console
from penstock.cli.tree import render
from penstock.sdk.client import Client
from penstock.sdk.errors import ApiError

_FRAMES_PER_S = 12


def now_text() -> str:
    """This moment as RFC 3339 text, the clock of the terminal."""
    return datetime.now(UTC).isoformat()  # noqa: TID251 - for the eye only


async def _watch_live(client: Client, picture: ExecutionPicture, console: Console) -> None:
    """Redraw the tree at a steady rate, whatever the number of events."""
    raised: ApiError | None = None
    with Live(console=console, auto_refresh=False) as live:
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(_draw(live, picture))
            try:
                await _follow(client, picture, console, lines=False)
            except ApiError as error:
                raised = error
            finally:
                drawing.cancel()
        live.update(render(picture, now_text(), 0), refresh=True)
    print_log_tail(console, picture)
    if raised is not None:
        raise raised


async def _draw(live: Live, picture: ExecutionPicture) -> None:
    for turn in itertools.count():
        if picture.seq:
            live.update(render(picture, now_text(), turn), refresh=True)
        await asyncio.sleep(1 / _FRAMES_PER_S)


def _tell_connected(console: Console, connected: bool) -> None:
    text = "connection is back" if connected else "connection lost, trying again"
    console.print(text, style="green" if connected else "yellow")


async def _follow(
    client: Client, picture: ExecutionPicture, console: Console, *, lines: bool
) -> None:
    """Keep the picture up to date, and tell each change in lines if that is wanted."""
    teller = LineTeller(picture)
    watched = client.watch(picture.id, tell_connected=partial(_tell_connected, console))
    async with aclosing(watched) as messages:
        async for message in messages:
            picture.apply(message)
            if lines:
                for line in teller.lines(message):
                    console.print(line, markup=False)


async def watch_execution(client: Client, execution_id: str) -> ExecutionPicture:
    """Show every node until the end: a live tree on a terminal, lines elsewhere. Who stops to look
    is told that the execution goes on."""
    picture = ExecutionPicture(execution_id)
    console = error_console()
    try:
        if console.is_terminal and not console.is_dumb_terminal:
            await _watch_live(client, picture, console)
        else:
            await _follow(client, picture, console, lines=True)
    except asyncio.CancelledError:
        console.print(
            f"the execution goes on: penstock execution watch {execution_id}, "
            f"or penstock execution cancel {execution_id}"
        )
        raise
    return picture
