"""What an embedded cluster can be told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.embedded.errors import ClusterError

DATABASE_VARIABLE = "PENSTOCK_STATE_DATABASE_URL"
NATS_VARIABLE = "PENSTOCK_STATE_NATS_URL"
BACKENDS_VARIABLE = "PENSTOCK_BACKENDS"
PROCESSES_MAX = 16
"""Of one role: more is a mistake on one machine."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the cluster keeps its data and which parts it starts itself.

    `gateway_port` 0 takes a free port, that of the last time if it can be; `gateway_port_fixed`
    makes a taken port an error instead of a reason to choose another one, and with port 0 the ports
    of the last time are not taken again. `usual_ports` prefers 7401 to 7404 for the other services.
    `database_url` and `nats_url` name servers that run already; empty ones are started.
    There are so many `states`, `coordinators` and `workers`; the workers share one sandbox.
    `service_env` is added to every service's environment and wins; `process_env` to that of the
    process it names (`worker-2`), and wins over that.
    """

    data_dir: Path = Path(".penstock")
    gateway_port: int = 0
    gateway_port_fixed: bool = False
    usual_ports: bool = False
    states: int = 1
    coordinators: int = 1
    workers: int = 1
    shard_count: int = 64
    database_url: str = ""
    nats_url: str = ""
    log_level: str = "info"
    start_timeout_s: float = 90.0
    service_env: Mapping[str, str] = field(default_factory=dict)
    process_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("states", "coordinators", "workers"):
            count = getattr(self, name)
            if not 1 <= count <= PROCESSES_MAX:
                raise ClusterError(
                    f"{count} {name}: not a number of processes",
                    fix=f"Give 1 to {PROCESSES_MAX}.",
                )


def backends_from_environment(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Addresses of PostgreSQL and NATS that the environment names; empty ones are to be started.

    `PENSTOCK_BACKENDS=external` insists that both are named. Raises `ClusterError` otherwise.
    """
    choice = environment.get(BACKENDS_VARIABLE, "embedded")
    found = (environment.get(DATABASE_VARIABLE, ""), environment.get(NATS_VARIABLE, ""))
    if choice not in ("embedded", "external"):
        raise ClusterError(
            f"{BACKENDS_VARIABLE}={choice}: not a choice",
            fix="Give `embedded` (start what has no address) or `external`.",
        )
    if choice == "external" and not all(found):
        raise ClusterError(
            f"{BACKENDS_VARIABLE}=external needs the addresses of PostgreSQL and NATS",
            fix=f"Set {DATABASE_VARIABLE} and {NATS_VARIABLE}.",
        )
    return found
