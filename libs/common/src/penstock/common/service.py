"""The life of a service process: settings, logs, event loop, signals, exit code."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from penstock.common.logging import configure_logging, get_logger
from penstock.common.settings import BadSettings, ServiceSettings, load_settings

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

_YOUNG_OBJECTS = 50_000
"""Allocations between collections of the youngest generation: hot paths make few cycles, so
collect rarely."""


def calm_garbage_collector() -> None:
    """Take everything alive now out of the collector's sight and make it run rarely; call once
    after start-up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def cause_of(error: BaseException) -> BaseException:
    """What went wrong, out of the groups it came in; several causes stay a group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _until_stopped(
    role: str,
    settings: SettingsT,
    serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    log = get_logger("service")

    def on_signal(number: signal.Signals) -> None:
        log.info("stop_requested", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    await serve(settings, stop)
    log.info("service_stopped", role=role)


def run_service(
    role: str,
    settings_cls: type[SettingsT],
    serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]],
) -> None:
    """Run `serve(settings, stop)` until it returns; SIGTERM and SIGINT set `stop`, after which it
    should drain.

    Ends the process with 0 after a clean stop, 1 after a fault, 2 if the settings cannot be used.
    """
    settings = load_settings(settings_cls, role)
    configure_logging(role, settings.log_level)
    try:
        uvloop.run(_until_stopped(role, settings, serve))
    except BadSettings as error:
        sys.stderr.write(f"penstock-{role}: the settings cannot be used:\n{error}\n")
        raise SystemExit(2) from error
    except Exception as error:
        get_logger("service").exception("service_failed", error=str(cause_of(error)))
        raise SystemExit(1) from error
