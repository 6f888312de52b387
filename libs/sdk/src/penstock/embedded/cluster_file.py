"""`cluster.json`: where a running cluster is found, and the lock that keeps a second one away."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from penstock.embedded.errors import ClusterInUse

_FILE = "cluster.json"
_LOCK = "lock"
_LEFTOVER_S = 10.0
_POLL_S = 0.05


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process, told apart from a later one that got the same number."""

    pid: int
    created: float

    def find(self) -> psutil.Process | None:
        """The process if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1.0
            running = same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if running else None


def identify(pid: int) -> ProcessIdentity | None:
    """Identity of a running process; None if it has ended."""
    try:
        return ProcessIdentity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


class ClusterFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Addresses and processes of a cluster. Holds passwords: readable by its owner only.

    `app_database_url` is a database of its own for what flows write; the engine's is
    `database_url`.
    """

    owner: ProcessIdentity
    gateway_url: str = ""
    coordinator_address: str = ""
    state_address: str = ""
    sandbox_address: str = ""
    worker_address: str = ""
    database_url: str = ""
    app_database_url: str = ""
    nats_url: str = ""
    ready: bool = False
    ports: dict[str, int] = {}
    processes: dict[str, ProcessIdentity] = {}


def write_cluster_file(data_dir: Path, contents: ClusterFile) -> None:
    """Replace the file in one step."""
    path = data_dir / _FILE
    fresh = path.with_suffix(".new")
    body = msgspec.json.format(msgspec.json.encode(contents), indent=2)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body + b"\n")
    fresh.replace(path)


def read_cluster_file(data_dir: Path) -> ClusterFile | None:
    """What the last cluster on this directory wrote, whether it runs or not."""
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=ClusterFile)
    except (OSError, msgspec.MsgspecError):
        return None


def find_live_cluster(data_dir: Path) -> ClusterFile | None:
    """The cluster that runs on this directory and is ready to serve, if there is one."""
    found = read_cluster_file(data_dir)
    if found is None or not found.ready or found.owner.find() is None:
        return None
    return found


@contextmanager
def hold_data_dir(data_dir: Path) -> Iterator[ClusterFile | None]:
    """Keep other clusters off the directory; yields what the last one left in its file.

    Processes that outlived their cluster are ended first. Raises `ClusterInUse` while another
    process holds the directory.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / _LOCK).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
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
        if process := identity.find():
            _send(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + _LEFTOVER_S
    alive = _alive(left)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        alive = _alive(left)
    for process in alive:
        _send(process, signal.SIGKILL)


def _alive(left: ClusterFile) -> list[psutil.Process]:
    return [p for identity in left.processes.values() if (p := identity.find())]


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
