"""Opening a cluster: lay out addresses, start everything, wait until it serves, stop in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from penstock.embedded.cluster_file import ClusterFile, ProcessIdentity, write_cluster_file
from penstock.embedded.data_dir import hold_data_dir, identify
from penstock.embedded.errors import ClusterError
from penstock.embedded.nats_server import nats_program
from penstock.embedded.ports import PortPool, is_free
from penstock.embedded.postgres import postgres_program, prepare_postgres
from penstock.embedded.program import Program
from penstock.embedded.services import (
    Backing,
    address,
    role_of,
    service_names,
    service_program,
    usual_port,
)
from penstock.embedded.settings import ClusterSettings
from penstock.embedded.supervisor import ProcessNews, Supervised, stop_in_order, wait_until_ready


@contextmanager
def _hold(data_dir: Path) -> Iterator[ClusterFile | None]:
    """The data directory, with the operating system's refusals told as what they mean here."""
    try:
        with hold_data_dir(data_dir) as left:
            yield left
    except PermissionError as error:
        raise ClusterError(
            f"{data_dir} cannot be used: {error}",
            fix="Give a --data-dir that belongs to you.",
        ) from error


def _ignore(_news: ProcessNews) -> None:
    """Tell nobody."""


class Cluster:
    """A running cluster."""

    def __init__(self, data_dir: Path, file: ClusterFile, parts: dict[str, Supervised]) -> None:
        self.data_dir = data_dir
        self.file = file
        self._parts = parts

    @property
    def gateway_url(self) -> str:
        """Where REST is served."""
        return self.file.gateway_url

    @property
    def coordinator_address(self) -> str:
        """Where gRPC `WorkflowService` is served, host:port."""
        return self.file.coordinator_address

    @property
    def coordinator_addresses(self) -> list[str]:
        """Where each coordinator serves gRPC, host:port."""
        return [address(self.file.ports, n) for n in self._parts if role_of(n) == "coordinator"]

    @property
    def state_address(self) -> str:
        """gRPC address of the state service."""
        return self.file.state_address

    @property
    def sandbox_address(self) -> str:
        """gRPC address of the sandbox."""
        return self.file.sandbox_address

    @property
    def database_url(self) -> str:
        """The engine's database."""
        return self.file.database_url

    @property
    def app_database_url(self) -> str:
        """The database for flows; empty if PostgreSQL is an external one."""
        return self.file.app_database_url

    @property
    def nats_url(self) -> str:
        """The event bus."""
        return self.file.nats_url

    @property
    def pids(self) -> dict[str, int]:
        """Process numbers by name, PostgreSQL and NATS included; 0 for one that is down now."""
        return {name: part.pid for name, part in self._parts.items()}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again."""
        return {name: part.restarts for name, part in self._parts.items()}

    def log_of(self, name: str) -> Path:
        """Log file of a process."""
        return self._part(name).program.log

    def kill(self, name: str) -> None:
        """SIGKILL a process; the supervisor starts it again."""
        self._part(name).send(signal.SIGKILL)

    def pause(self, name: str) -> None:
        """SIGSTOP a process."""
        self._part(name).send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT a process."""
        self._part(name).send(signal.SIGCONT)

    async def wait_ready(self, *names: str, timeout_s: float = 30.0) -> None:
        """Wait until the named processes (default: all) serve. Raises `ClusterStartFailed`."""
        await wait_until_ready([self._part(name) for name in names or self._parts], timeout_s)

    def _part(self, name: str) -> Supervised:
        try:
            return self._parts[name]
        except KeyError:
            known = ", ".join(self._parts)
            raise ClusterError(f"no process {name!r}", fix=f"There are: {known}.") from None


@dataclass(slots=True)
class _Layout:
    """What is decided before anything starts, and the file that tells others."""

    data_dir: Path
    ports: dict[str, int]
    file: ClusterFile
    parts: dict[str, Supervised] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    def save(self, **changes: object) -> None:
        """Write the file with the processes as they are now."""
        running = {
            name: identity
            for name, part in self.parts.items()
            if part.pid and (identity := identify(part.pid))
        }
        self.file = msgspec.structs.replace(self.file, processes=running, **changes)
        write_cluster_file(self.data_dir, self.file)


def choose_ports(settings: ClusterSettings, left: ClusterFile | None) -> dict[str, int]:
    """Wanted ports where they are free, else those of the last time, else any; new ones for all if
    port 0 is insisted on."""
    wanted, fixed = settings.gateway_port, settings.gateway_port_fixed
    before = left.ports if left and (wanted or not fixed) else {}
    if wanted and fixed and not is_free(wanted):
        raise ClusterError(
            f"port {wanted} is taken",
            fix="Stop what listens there, or give another port.",
        )
    pool = PortPool(os.getpid() * 41)
    ports = {"gateway": pool.take((wanted, before.get("gateway", 0)))}
    for name in ("postgres", "nats", *service_names(settings)):
        usual = usual_port(name) if settings.usual_ports else 0
        ports.setdefault(name, 0)
        ports[name] = ports[name] or pool.take((usual, before.get(name, 0)))
    return ports


async def _start_backing(
    layout: _Layout, settings: ClusterSettings, start: Callable[[Program], None]
) -> Backing:
    """Start the backing servers that have no address yet."""
    database_url, nats_url, app_url = settings.database_url, settings.nats_url, ""
    if not nats_url:
        nats_home, log = layout.data_dir / "nats", layout.logs / "nats.log"
        program, nats_url = nats_program(nats_home, layout.ports["nats"], log)
        start(program)
    if not database_url:
        home = await prepare_postgres(layout.data_dir / "postgres", layout.ports["postgres"])
        database_url, app_url = home.engine_url, home.app_url
        start(postgres_program(home, layout.logs / "postgres.log"))
    payloads, files = layout.data_dir / "payloads", layout.data_dir / "files"
    for folder in (payloads, files):
        folder.mkdir(mode=0o700, exist_ok=True)
    layout.file = msgspec.structs.replace(
        layout.file, database_url=database_url, app_database_url=app_url, nats_url=nats_url
    )
    return Backing(database_url, nats_url, payloads.as_uri(), files)


async def _start_all(
    layout: _Layout,
    settings: ClusterSettings,
    group: asyncio.TaskGroup,
    tell: Callable[[ProcessNews], None],
) -> None:
    """Start every program and wait until all serve."""

    def start(program: Program) -> None:
        part = Supervised(program, tell)
        layout.parts[program.name] = part
        group.create_task(part.run(layout.save), name=program.name)

    backing = await _start_backing(layout, settings, start)
    for name in service_names(settings):
        log = layout.logs / f"{name}.log"
        start(service_program(name, layout.ports, backing, settings, log))
    await wait_until_ready(list(layout.parts.values()), settings.start_timeout_s)
    layout.save(ready=True)


def _plan_layout(settings: ClusterSettings, data_dir: Path, left: ClusterFile | None) -> _Layout:
    ports = choose_ports(settings, left)
    owner = identify(os.getpid()) or ProcessIdentity(os.getpid(), 0.0)
    file = ClusterFile(
        owner=owner,
        gateway_url=f"http://{address(ports, 'gateway')}",
        coordinator_address=address(ports, "coordinator"),
        state_address=address(ports, "state"),
        sandbox_address=address(ports, "sandbox"),
        worker_address=address(ports, "worker"),
        ports=ports,
    )
    return _Layout(data_dir, ports, file)


@asynccontextmanager
async def open_cluster(
    settings: ClusterSettings | None = None,
    *,
    tell: Callable[[ProcessNews], None] = _ignore,
) -> AsyncIterator[Cluster]:
    """Start a cluster, yield it once it serves, and stop it in order at the end of the block.

    Call it from the main thread: the processes are tied to the life of the thread that starts
    them. `tell` hears of every process that starts, dies or stops. Raises `ClusterInUse` if the
    data directory has a live cluster, `ClusterStartFailed` with the log's end if a part does not
    come up, `ClusterError` for settings that cannot work.
    """
    settings = settings or ClusterSettings()
    data_dir = settings.data_dir.resolve()
    raised: BaseException | None = None
    with _hold(data_dir) as left:
        layout = _plan_layout(settings, data_dir, left)
        layout.save()
        async with asyncio.TaskGroup() as group:
            try:
                await _start_all(layout, settings, group, tell)
                yield Cluster(data_dir, layout.file, layout.parts)
            except BaseException as error:  # noqa: BLE001 - raised again, unwrapped, below
                raised = error
            await stop_in_order(layout.parts)
        layout.save(ready=False)
        if raised is not None:
            raise raised
