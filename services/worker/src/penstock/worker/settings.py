"""What a worker can be told."""

from dataclasses import dataclass

from penstock.common.settings import ServiceSettings, setting
from penstock.worker.capacity import check_resources, labels_of


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of the worker service."""

    listen: str = setting("127.0.0.1:7404", "Address of the health service, host:port")
    coordinators: str = setting(
        "127.0.0.1:7401", "Addresses of coordinators to begin with, comma-separated"
    )
    state_address: str = setting(
        "127.0.0.1:7402",
        "Address of the state service; of several, comma-separated numbers, the first that can be "
        "reached",
    )
    sandbox_address: str = setting("127.0.0.1:7403", "Address of the sandbox service")
    pool: str = setting("default", "Pool whose tasks this worker takes")
    labels: str = setting(
        "",
        "Where and what this worker is, such as region=eu,disk=ssd: nodes that ask for labels go "
        "where all of them are",
        check=labels_of,
    )
    resources: str = setting(
        "auto",
        "What it has for nodes that ask for resources, such as cpu=4,memory=8192,gpu=1 (memory in "
        "MiB); auto for this machine's cpu and memory, also auto,gpu=1. Give numbers if several "
        "workers share a machine",
        check=check_resources,
    )
    credits: int = setting(2000, "Tasks held at once, for each coordinator")
    drain_s: float = setting(10.0, "Seconds that running nodes get to finish after SIGTERM")
    egress: str = setting(
        "*", "Hosts that nodes may reach, comma-separated: names, *.names, *, each maybe :port"
    )
    data_roots: str = setting(
        ".", "Folders that csv.read and sqlite:/// may use, comma-separated; / for everything"
    )
    response_mb_max: int = setting(16, "Largest HTTP response that a node may take in, MiB")
    rows_max: int = setting(100_000, "Most rows that one node may read")
    database_connections_max: int = setting(10, "Connections to each PostgreSQL database")
    payload_cache_mb: int = setting(128, "Memory for large payloads that were opened, MiB")
    output_mb_max: int = setting(32, "Largest output of a node, MiB")
