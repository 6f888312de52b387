"""What a coordinator can be told."""

import dataclasses

from penstock.common.settings import ServiceSettings, setting
from penstock.coordinator.shell.dispatch.balances import balances_of, weights_of
from penstock.coordinator.shell.limits.quota_settings import quotas_of
from penstock.coordinator.shell.limits.rate_settings import rates_of

FENCE_MS_MIN = 3_000
"""Workers say something every second or so, and a coordinator answers twice a second. A shorter
fence stops long work in a cluster that is merely busy, again and again."""


def _long_enough(fence_ms: int) -> None:
    if fence_ms < FENCE_MS_MIN:
        raise ValueError(f"give {FENCE_MS_MIN} or more")


def _positive(value: float) -> None:
    if value <= 0:
        raise ValueError("give more than 0")


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
        500,
        "Pause of the self-audit after an execution; four of them after a shard; "
        "0 for no audit by itself",
    )
    depth_max: int = setting(
        10, "Executions above a sub-workflow; one that would be deeper is refused"
    )
    limit_fence_ms: int = setting(
        8_000,
        "A worker that hears nothing of its coordinator for so long stops what it runs under a "
        "concurrency limit, so that the slot can be given to another; 3000 or more, the same on "
        "all coordinators",
        check=_long_enough,
    )
    rate_limits: str = setting(
        "",
        "How many attempts are let go in a time over the whole cluster, such as tenant=1000/s, "
        "tenant:acme=10/s, type:http@1=50/s, global=5000/s (s, m, h or d); nothing for no limit. "
        "The same on all coordinators",
        check=rates_of,
    )
    quotas: str = setting(
        "",
        "How many executions may be live at once, and how many started in a time, by account and "
        "by workflow, such as tenant.live=10000, workflow.live=500, tenant.starts=100000/d, "
        "tenant:acme.live=50; nothing for no quota. The same on all coordinators",
        check=quotas_of,
    )
    segments: bool = setting(
        True, "Let workers go on to the next nodes; false sends every node on its own"
    )
    ageing_s: float = setting(
        30.0,
        "A waiting attempt climbs one level of priority each time so many seconds have passed: "
        "critical work goes first through a rush of minutes, and the lowest level still gets its "
        "turn after five of them",
        check=_positive,
    )
    tenant_weights: str = setting(
        "",
        "Shares of tenants that wait for the same workers, such as acme=4,trial=0.5 (0.1 to 100); "
        "1 for those not named",
        check=weights_of,
    )
    balance: str = setting(
        "least_busy",
        "How workers of a pool are chosen: least_busy, round_robin, resources (most left of what "
        "they declare); for some pools otherwise, such as least_busy,gpu=resources",
        check=balances_of,
    )
