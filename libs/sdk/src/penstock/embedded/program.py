"""What it takes to run one process of the cluster: command, environment, how to stop it, when it is
ready."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock.embedded import launcher

LAUNCHER = Path(launcher.__file__)


@dataclass(frozen=True, slots=True)
class Account:
    """The user a program runs as; `capable` lets it pass directories closed to others."""

    uid: int
    gid: int
    capable: bool


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running.

    `probe(pid)` returns an empty text once the process serves, else what is still missing. Programs
    of a lower `stop_stage` are stopped first; `log_lines` shown on failure come from `log`.
    """

    name: str
    command: Sequence[str]
    log: Path
    probe: Callable[[int], Awaitable[str]]
    stop_stage: int
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    account: Account | None = None


def launch_arguments(
    command: Sequence[str], death_signal: signal.Signals, account: Account | None = None
) -> list[str]:
    """The command line that runs `command` through the launcher, tied to this process."""
    user = f"{account.uid}:{account.gid}" if account else "-"
    capable = "1" if account and account.capable else "0"
    tie = [str(os.getpid()), str(int(death_signal)), user, capable]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *tie, *command]


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
