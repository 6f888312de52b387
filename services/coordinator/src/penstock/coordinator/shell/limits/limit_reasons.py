"""Why limits hold a node back, in one sentence."""

from penstock.coordinator.limits.cluster_rates import GLOBAL, TENANT, TYPE
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
    PermitId,
    RateRule,
    SlotRule,
    split_key,
)
from penstock.coordinator.shell.limits.gated import Entry
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeStatus

_PARKED = "Waits until the values that its limit's key reads are at hand."


def why(live: Live, node: int) -> str | None:
    """The limit that a node, or the execution as a whole, waits at; None if at none."""
    permits = live.permits
    if permits is None or live.state.status[node] != NodeStatus.QUEUED:
        return None
    if not permits.admitted:
        whole = permits.get(PermitId(live.id))
        return _sentence(whole, "Waits with its whole execution") if whole else _PARKED
    found = permits.get(PermitId(live.id, node, 0, live.state.attempts[node]))
    return _sentence(found, "Waits") if found is not None else None


def items_waiting(live: Live, node: int) -> tuple[int, str]:
    """How many items of a fan-out wait at limits, and at which one the first of them does."""
    permits = live.permits
    entries = permits.nodes.get(node, {}).values() if permits is not None else ()
    waiting = [entry for entry in entries if entry.at < len(entry.steps)]
    return len(waiting), (_sentence(waiting[0], "Waits") or "") if waiting else ""


def _rate_name(kind: str, text: str) -> str:
    """A rate that a file declares, or one that is set for the cluster."""
    names = {
        TENANT: "the account's rate limit",
        TYPE: f"the cluster's rate limit for {text}",
        GLOBAL: "the cluster's rate limit",
    }
    return names.get(kind, f"the rate limit {text!r}")


def _sentence(entry: Entry, waits: str) -> str | None:
    if entry.at >= len(entry.steps):
        return None
    ask: Ask = entry.steps[entry.at]
    kind, _, text = split_key(ask.key)
    match ask.rule:
        case SlotRule(limit=limit):
            return f"{waits} for a place under the limit {text!r} ({limit} at once)."
        case RateRule(limit=limit, per_us=per_us):
            return f"{waits} for {_rate_name(kind, text)} ({limit} in {per_us / 1e6:g} s)."
        case BreakerRule():
            return f"{waits} for the circuit breaker {text!r} to let it through."
