"""What a file may ask of the engine beyond its nodes: limits, breakers, retention, what to do on
failure, schedules. Plain values; whoever carries a policy out says how.

A `key` is a text that may hold `${{ }}`: what renders to the same text within an account shares the
policy's count. It may read `params`, `run` and, at a node, `item`. An empty key stands for the
workflow, or for the node in it.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

PRIORITY_USUAL = 5
"""Priority of what says nothing; 0 is the least urgent, 9 the most."""
PRIORITY_MAX = 9
PRIORITY_WORDS: Mapping[str, int] = {"low": 2, "normal": 5, "high": 7, "critical": 9}

OnFull = Literal["queue", "cancel", "skip"]
Overlap = Literal["allow", "skip", "queue", "cancel_running"]
CatchUp = Literal["none", "latest", "all"]


class Concurrency(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` at once for a key. When that many run, a new one waits (`queue`), takes the
    place of the oldest (`cancel`) or does not run (`skip`); nodes can only wait."""

    key: str
    limit: int
    on_full: OnFull = "queue"


class RateLimit(msgspec.Struct, frozen=True, gc=False):
    """At most `limit` beginnings for a key in any `per_s` seconds."""

    key: str
    limit: int
    per_s: float


class Breaker(msgspec.Struct, frozen=True, gc=False):
    """Stop trying what keeps failing: open after `failure_threshold` failures in a row, for
    `timeout_s`; then a few probes, of which `success_threshold` must succeed. An empty key stands
    for the node type and the host it calls."""

    key: str = ""
    failure_threshold: int = 5
    success_threshold: int = 1
    timeout_s: float = 60.0
    on_open: Literal["wait", "fail"] = "wait"


class Retention(msgspec.Struct, frozen=True, gc=False):
    """How long ended executions are kept: those that completed, and all others; 0 means for
    ever, None that nothing is said."""

    completed_s: float | None = None
    failed_s: float | None = None


class OnFailure(msgspec.Struct, frozen=True):
    """What to run when an execution fails: a node of its own file, or another workflow."""

    node: str = ""
    workflow: str = ""
    params: Mapping[str, Any] = {}


class ScheduleTrigger(msgspec.Struct, frozen=True):
    """Start the workflow whenever the clock in a time zone matches `cron`. `catch_up` says which of
    the slots that were missed are made up for; those older than `catch_up_s` (0 for the policy's
    own limit) are not. Everything is up to `jitter_s` late, always by the same time."""

    cron: str
    timezone: str = "UTC"
    overlap: Overlap = "allow"
    catch_up: CatchUp = "latest"
    catch_up_s: float = 0.0
    jitter_s: float = 0.0
    params: Mapping[str, Any] = {}
    id: str = ""
