"""The budget of a run, hop by hop: what a node cost in each process, on each connection and on
disk, and how large the batches were.

Everything is read before and after the run, from the operating system, the services' own counters
and PostgreSQL; nothing is added to the path of a node.
"""

import statistics
import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from bench import counters, sockets, usage

_READ_AND_WRITE = {"state": "postgres", "sandbox": usage.JAILS}
"""Who else a role talks to over a Unix socket, which the kernel counts by process only."""
_BATCHES = {
    "inputs_per_turn": ("penstock_coordinator_turn_inputs_sum", "turn_inputs_count"),
    "records_per_append": ("penstock_coordinator_records_total", "append_seconds_count"),
    "executions_per_task_message": (
        "penstock_coordinator_task_groups_total",
        "task_messages_total",
    ),
    "reports_per_message": ("penstock_coordinator_reports_total", "report_messages_total"),
    "rows_per_commit": ("penstock_state_journal_rows_total", "commits_total"),
    "calls_per_crossing": ("penstock_sandbox_batch_calls_sum", "batch_calls_count"),
}


class Hops(msgspec.Struct, frozen=True):
    """What a run cost, per node where the name says nothing else. `wire` is bytes by
    `sender>receiver`."""

    cpu_us: dict[str, float]
    wire_bytes: dict[str, float]
    disk_bytes: dict[str, float]
    commits_per_s: float
    batches: dict[str, float]


class Snapshot(NamedTuple):
    """All counters at one moment."""

    at: float
    cpu_s: dict[str, float]
    links: Counter[sockets.Link]
    unix: dict[str, usage.ReadWritten]
    metrics: Counter[str]
    stored: counters.Stored


async def take_snapshot(
    pids: Mapping[str, int], metrics: Mapping[str, str], database_url: str, *, ending: bool
) -> Snapshot:
    """Read all counters. CPU is read next to the run, so that reading the others is not counted:
    first when the run is `ending`, else last."""
    cpu_s = usage.cpu_seconds(pids) if ending else {}
    at = time.perf_counter()
    found = await counters.read_metrics(metrics)
    stored = await counters.read_stored(database_url)
    links = sockets.bytes_by_link(pids)
    unix = {role: usage.read_written(pids[role]) for role in _READ_AND_WRITE}
    if ending:
        return Snapshot(at, cpu_s, links, unix, found, stored)
    return Snapshot(time.perf_counter(), usage.cpu_seconds(pids), links, unix, found, stored)


def _wire(before: Snapshot, after: Snapshot) -> dict[str, float]:
    """Bytes by connection; those over Unix sockets are what the process read and wrote with plain
    calls, less its connections to NATS, which are made with the same calls."""
    grown = after.links - before.links
    found = {f"{sender}>{receiver}": float(count) for (sender, receiver), count in grown.items()}
    for role, other in _READ_AND_WRITE.items():
        begun, ended = before.unix[role], after.unix[role]
        nats_in, nats_out = grown["nats", role], grown[role, "nats"]
        found[f"{role}>{other}"] = max(0, ended.written - begun.written - nats_out)
        found[f"{other}>{role}"] = max(0, ended.read - begun.read - nats_in)
    return found


def _batches(metrics: Counter[str]) -> dict[str, float]:
    found = {}
    for name, (total, tail) in _BATCHES.items():
        prefix = "_".join(total.split("_")[:2])
        if count := metrics[f"{prefix}_{tail}"]:
            found[name] = metrics[total] / count
    return found


def hops_between(before: Snapshot, after: Snapshot, nodes: float, load_cpu_s: float) -> Hops:
    """What each of `nodes` cost. The load generator tells its own CPU, without its pauses."""
    metrics = Counter(after.metrics)
    metrics.subtract(before.metrics)
    stored = [end - begin for begin, end in zip(before.stored, after.stored, strict=True)]
    written = counters.Stored(*stored)
    cpu = {role: used - before.cpu_s.get(role, 0.0) for role, used in after.cpu_s.items()}
    disk = {
        "wal": written.wal_bytes,
        "journal": written.journal_bytes,
        "projections": written.projection_bytes,
    }
    return Hops(
        cpu_us={role: used / nodes * 1e6 for role, used in (cpu | {"load": load_cpu_s}).items()},
        wire_bytes={link: count / nodes for link, count in _wire(before, after).items()},
        disk_bytes={name: count / nodes for name, count in disk.items()},
        commits_per_s=metrics["penstock_state_commits_total"] / (after.at - before.at),
        batches=_batches(metrics),
    )


def middle(found: list[Hops]) -> Hops:
    """The median of each of several rounds' figures."""

    def medians(tables: list[dict[str, float]]) -> dict[str, float]:
        names = {name: None for table in tables for name in table}
        return {
            name: statistics.median([table.get(name, 0.0) for table in tables]) for name in names
        }

    return Hops(
        cpu_us=medians([each.cpu_us for each in found]),
        wire_bytes=medians([each.wire_bytes for each in found]),
        disk_bytes=medians([each.disk_bytes for each in found]),
        commits_per_s=statistics.median([each.commits_per_s for each in found]),
        batches=medians([each.batches for each in found]),
    )
