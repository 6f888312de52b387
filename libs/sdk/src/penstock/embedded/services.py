"""The five services as programs: which command, which addresses, which environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.embedded.probes import probe_grpc, probe_http
from penstock.embedded.program import Program
from penstock.embedded.settings import ClusterSettings

_HOST = "127.0.0.1"
_USUAL_PORTS = {
    "gateway": 8080,
    "coordinator": 7401,
    "state": 7402,
    "sandbox": 7403,
    "worker": 7404,
}
_STOP_STAGES = {"gateway": 0, "worker": 1, "coordinator": 1, "sandbox": 2, "state": 2}


@dataclass(frozen=True, slots=True)
class Backing:
    """What services stand on. `files` is a folder that flows may write to."""

    database_url: str
    nats_url: str
    payload_url: str
    files: Path


def service_names(settings: ClusterSettings) -> dict[str, str]:
    """Name of each process and its role: `worker`, `worker-2`, ..."""
    counts = {
        "state": settings.states,
        "sandbox": 1,
        "coordinator": settings.coordinators,
        "worker": settings.workers,
        "gateway": 1,
    }
    return {
        role if number == 1 else f"{role}-{number}": role
        for role, count in counts.items()
        for number in range(1, count + 1)
    }


def role_of(name: str) -> str:
    """The role of a process: `worker` of `worker-2`."""
    return name.partition("-")[0]


def usual_port(name: str) -> int:
    """The port people expect a service on; 0 for further instances."""
    return _USUAL_PORTS.get(name, 0)


def address(ports: Mapping[str, int], name: str) -> str:
    """host:port of a process."""
    return f"{_HOST}:{ports[name]}"


def addresses(
    role: str, ports: Mapping[str, int], settings: ClusterSettings, first: int = 0
) -> list[str]:
    """host:port of every process of a role, beginning with number `first` (counted round)."""
    found = [address(ports, name) for name, its in service_names(settings).items() if its == role]
    first %= len(found)
    return found[first:] + found[:first]


def _number(name: str) -> int:
    """0 for `worker`, 1 for `worker-2`, ..."""
    return int(name.partition("-")[2] or 1) - 1


def _environment(
    role: str, name: str, ports: Mapping[str, int], backing: Backing, settings: ClusterSettings
) -> dict[str, str]:
    coordinators = ",".join(addresses("coordinator", ports, settings))
    state = ",".join(addresses("state", ports, settings, _number(name)))
    here = address(ports, name)
    values: dict[str, dict[str, str]] = {
        "state": {
            "DATABASE_URL": backing.database_url,
            "NATS_URL": backing.nats_url,
            "PAYLOAD_URL": backing.payload_url,
            "SHARD_COUNT": str(settings.shard_count),
        },
        "coordinator": {"STATE_ADDRESS": state, "NATS_URL": backing.nats_url, "ADVERTISE": here},
        "sandbox": {},
        "worker": {
            "COORDINATORS": coordinators,
            "STATE_ADDRESS": state,
            "SANDBOX_ADDRESS": address(ports, "sandbox"),
            "DATA_ROOTS": f"{Path.cwd()},{backing.files}",
        },
        "gateway": {
            "COORDINATOR_ADDRESS": coordinators,
            "STATE_ADDRESS": state,
            "NATS_URL": backing.nats_url,
        },
    }
    shared = {"LISTEN": here, "LOG_LEVEL": settings.log_level}
    prefix = f"PENSTOCK_{role.upper()}_"
    own = {prefix + key: value for key, value in {**shared, **values[role]}.items()}
    return own | dict(settings.service_env) | dict(settings.process_env.get(name, {}))


def service_program(
    name: str,
    ports: Mapping[str, int],
    backing: Backing,
    settings: ClusterSettings,
    log: Path,
) -> Program:
    """One service as a program of the cluster."""
    role = service_names(settings)[name]
    script = Path(sys.executable).parent / f"penstock-{role}"
    where = address(ports, name)

    async def probe(_pid: int) -> str:
        if role == "gateway":
            return await probe_http(_HOST, ports[name], "/health")
        return await probe_grpc(where)

    return Program(
        name=name,
        command=[sys.executable, str(script)],
        log=log,
        probe=probe,
        stop_stage=_STOP_STAGES[role],
        environment=_environment(role, name, ports, backing, settings),
    )
