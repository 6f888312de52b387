"""Holding a data directory: one cluster at a time, and nothing left over from the last one."""

import fcntl
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from penstock.embedded.cluster_file import LOCK, ClusterFile, ProcessIdentity, read_cluster_file
from penstock.embedded.errors import ClusterInUse

_LEFTOVER_S = 10.0
_POLL_S = 0.05
_SAME_S = 1.0


def identify(pid: int) -> ProcessIdentity | None:
    """Identity of a running process; None if it has ended."""
    try:
        return ProcessIdentity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _find(identity: ProcessIdentity) -> psutil.Process | None:
    """The process if it still runs."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.created) < _SAME_S
        running = same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if running else None


@contextmanager
def hold_data_dir(data_dir: Path) -> Iterator[ClusterFile | None]:
    """Keep other clusters off the directory; yields what the last one left in its file.

    Processes that outlived their cluster are ended first. Raises `ClusterInUse` while another
    process holds the directory.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(data_dir) from error
        left = read_cluster_file(data_dir)
        if left is not None:
            _end_leftovers(left)
        yield left


def _in_use(data_dir: Path) -> ClusterInUse:
    found = read_cluster_file(data_dir)
    where = f" (process {found.owner.pid}, {found.gateway_url or 'starting'})" if found else ""
    return ClusterInUse(
        f"a cluster already runs on {data_dir}{where}",
        fix="Use that one, stop it, or give another --data-dir.",
    )


def _end_leftovers(left: ClusterFile) -> None:
    """End processes of a cluster whose owner is gone: ask, wait, then kill."""
    for identity in left.processes.values():
        if process := _find(identity):
            _send(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + _LEFTOVER_S
    alive = _alive(left)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        alive = _alive(left)
    for process in alive:
        _send(process, signal.SIGKILL)


def _alive(left: ClusterFile) -> list[psutil.Process]:
    return [p for identity in left.processes.values() if (p := _find(identity))]


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
