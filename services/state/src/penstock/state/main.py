"""`penstock-state`: serve; `penstock-state migrate [pre|post]`: bring the database's schema up to
date and leave; `penstock-state sweep`: remove what is due and leave."""

import asyncio
import sys

from penstock.common.logging import get_logger
from penstock.common.service import calm_garbage_collector, run_service
from penstock.state.commands import run_migrations, run_sweep
from penstock.state.service import open_state
from penstock.state.settings import Settings

_USAGE = """\
penstock-state                     serve
penstock-state migrate [pre|post]  bring the database's schema up to date and leave: pre before a
                                   new version starts, post after the last old process is gone,
                                   both if none is named
penstock-state sweep [--dry-run]   remove now what was kept long enough, or tell how much that is

"""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with open_state(settings, stop) as server:
        if server is None:
            return
        calm_garbage_collector()
        get_logger("service").info("service_ready", role="state", address=server.address)
        await stop.wait()


def main() -> None:
    """Entry point."""
    if {"-h", "--help"} & set(sys.argv):
        sys.stdout.write(_USAGE)
    elif sys.argv[1:2] == ["migrate"]:
        raise SystemExit(run_migrations(sys.argv[2:]))
    elif sys.argv[1:2] == ["sweep"]:
        raise SystemExit(run_sweep(sys.argv[2:]))
    elif sys.argv[1:] and not sys.argv[1].startswith("-"):
        sys.stderr.write(f"penstock-state: there is no command {sys.argv[1]}\n{_USAGE}")
        raise SystemExit(2)
    run_service("state", Settings, serve)
