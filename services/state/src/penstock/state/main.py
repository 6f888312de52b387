"""`penstock-state`: serve; `penstock-state migrate [pre|post]`: bring the database's schema up to
date and leave."""

import asyncio
import sys

from penstock.common.errors import PenstockError
from penstock.common.logging import configure_logging, get_logger
from penstock.common.service import calm_garbage_collector, run_service
from penstock.common.settings import BadSettings, load_settings
from penstock.state.adapters.postgres.migrations import PHASES, migrate
from penstock.state.service import open_state
from penstock.state.settings import Settings

_USAGE = """\
penstock-state                     serve
penstock-state migrate [pre|post]  bring the database's schema up to date and leave: pre before a
                                   new version starts, post after the last old process is gone,
                                   both if none is named

"""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with open_state(settings, stop) as server:
        if server is None:
            return
        calm_garbage_collector()
        get_logger("service").info("service_ready", role="state", address=server.address)
        await stop.wait()


def run_migrations(arguments: list[str]) -> int:
    """Apply the named phases (all, if none is named); 0 if that went well."""
    phases = tuple(phase for phase in PHASES if phase in arguments or not arguments)
    if set(arguments) - set(PHASES):
        sys.stderr.write("penstock-state migrate: name pre, post, or nothing for both\n")
        return 2
    settings = load_settings(Settings, "state", [])
    configure_logging("state", settings.log_level)
    try:
        applied = asyncio.run(migrate(settings.database_url, phases))
    except BadSettings as error:
        sys.stderr.write(f"penstock-state: the settings cannot be used:\n{error}\n")
        return 2
    except PenstockError as error:
        sys.stderr.write(f"penstock-state migrate: {error.message}\n")
        return 1
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to do\n")
    return 0


def main() -> None:
    """Entry point."""
    if {"-h", "--help"} & set(sys.argv):
        sys.stdout.write(_USAGE)
    elif sys.argv[1:2] == ["migrate"]:
        raise SystemExit(run_migrations(sys.argv[2:]))
    run_service("state", Settings, serve)
