"""What people decide, and the values that become of it."""

from datetime import UTC, datetime, timedelta

import msgspec

from penstock.workflow.execution.values import LAST_INSTANT_US, Payload, TaskKind

APPROVED, REJECTED = "approved", "rejected"
HAPPENED, NOT_HAPPENED, FAIL, SKIP = "happened", "not_happened", "fail", "skip"

DECISIONS = {
    TaskKind.APPROVAL: (APPROVED, REJECTED),
    TaskKind.EFFECT: (HAPPENED, NOT_HAPPENED, FAIL, SKIP),
}
"""What can be decided about a task of a kind."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_text(at_us: int) -> str:
    """An instant as people and scripts write it: ISO 8601 in UTC, to the millisecond."""
    at = _EPOCH + timedelta(microseconds=max(0, min(at_us, LAST_INSTANT_US)))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decision_output(decision: str, data: Payload, by: str, at_us: int) -> Payload:
    """Output of an approval; `data` is inline."""
    value = {
        "decision": decision,
        "data": msgspec.Raw(data.json),
        "by": by,
        "at": instant_text(at_us),
    }
    return Payload(msgspec.json.encode(value))
