"""What a coordinator can be told."""

import dataclasses

from penstock.common.settings import ServiceSettings, setting


@dataclasses.dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of the coordinator; the README's table is generated from it."""

    listen: str = setting("127.0.0.1:7401", "Address to serve on, host:port; port 0 takes any")
    advertise: str = setting(
        "",
        "Address others reach this coordinator at; empty for the one it listens on (its host name, "
        "if that is all interfaces). No two live coordinators may have the same",
    )
    state_address: str = setting(
        "127.0.0.1:7402",
        "Address of the state service, host:port; of several, comma-separated numbers, the first "
        "that can be reached",
    )
    nats_url: str = setting(
        "nats://127.0.0.1:4222", "NATS server that carries live events", secret=True
    )
    executions_max: int = setting(
        100_000,
        "Executions held in memory; starts above it are refused (3 to 10 KiB each). Those that "
        "left memory because they only wait do not count",
    )
    dormant_after_ms: int = setting(
        5_000,
        "Executions that only wait leave memory after this time; at once when it is half full",
    )
    inbox_max: int = setting(
        200_000, "Inputs waiting for a turn; starts above it are refused until it shrinks"
    )
    appends_in_flight: int = setting(
        3, "Appends sent before the first is answered: enough to cover one commit's time"
    )
    lease_ttl_ms: int = setting(5_000, "A coordinator silent for longer loses its shards")
    audit_period_ms: int = setting(
        500, "Pause of the self-audit between two executions; 0 for no audit by itself"
    )
    segments: bool = setting(
        True, "Let workers go on to the next nodes; false sends every node on its own"
    )
