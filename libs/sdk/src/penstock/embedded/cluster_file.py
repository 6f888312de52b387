"""`cluster.json`: where a running cluster is found. Light, for every command reads it."""

import fcntl
import os
from pathlib import Path

import msgspec

_FILE = "cluster.json"
LOCK = "lock"


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process, told apart from a later one that got the same number."""

    pid: int
    created: float


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


def _is_held(data_dir: Path) -> bool:
    """True while a process holds the directory's lock; the kernel lets go when it dies."""
    try:
        with (data_dir / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def find_live_cluster(data_dir: Path) -> ClusterFile | None:
    """The cluster that runs on this directory and is ready to serve, if there is one."""
    found = read_cluster_file(data_dir)
    return found if found is not None and found.ready and _is_held(data_dir) else None
