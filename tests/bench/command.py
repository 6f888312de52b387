"""What the commands of the bench have in common: arguments that are checked, and an end that stops
everything that was started and says so in one line.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from bench.starts import LoadFailed

Result = TypeVar("Result")

ONLY_HELP = "measure only this; may be repeated (default: all)"


def whole(text: str) -> int:
    """A whole number above 0, as the type of an argument."""
    return int(_above_zero(int(text), text))


def seconds(text: str) -> float:
    """A time above 0, as the type of an argument."""
    return _above_zero(float(text), text)


def _above_zero(number: float, text: str) -> float:
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser that names the module and shows the defaults; the description keeps its lines."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}", description=description, formatter_class=_Help
    )


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        """Defaults that say nothing are left out."""
        if action.default in (None, False, "") or action.default == []:
            return action.help
        return super()._get_help_string(action)


async def _until_told(work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work; SIGTERM cancels it, as Ctrl-C does, so that all is stopped and removed."""
    this = asyncio.current_task()
    assert this is not None

    def stop() -> None:
        if not this.cancelling():
            this.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    return await work


def conduct(name: str, work: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end. Ends the process with 1 and one line if it is told to stop, if there is
    no figure, or if nobody reads what it prints."""
    why = ""
    try:
        return asyncio.run(_until_told(work))
    except* (KeyboardInterrupt, asyncio.CancelledError):
        why = "stopped, and with it everything that was started"
    except* LoadFailed as failed:
        why = f"no figures: {'; '.join(str(each) for each in _each(failed))}"
    except* BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        why = "stopped: nobody reads its output"
    sys.exit(f"{name}: {why}")


def _each(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _each(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
