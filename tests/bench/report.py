"""The figures as tables: for the terminal, the README and docs/performance.md."""

from pathlib import Path
from typing import Any

from bench.facts import machine, versions
from bench.record import (
    LATEST,
    RESULTS,
    ROOT,
    GroupRecord,
    circumstances,
    merge,
    read_latest,
    write,
)

__all__ = ["RESULTS", "machine", "merge_latest", "versions"]

README = ROOT / "README.md"
PERFORMANCE = ROOT / "docs/performance.md"
MARKS = ("<!-- bench -->", "<!-- /bench -->")

BUDGET = {
    "dispatched_nodes_per_s": (12_000, "node executions/s, each dispatched on its own"),
    "segment_nodes_per_s": (60_000, "node executions/s, ten-node chains in segments"),
    "fanout_width100_nodes_per_s": (0, "node executions/s, 1 -> 100 -> 1, 32 at a time"),
    "fanout1000_ms_p50": (150, "ms, 1 -> 1,000 -> 1"),
    "idle_chain10_ms_p50": (10, "ms, one ten-node chain on an idle cluster"),
    "start_exec_per_s": (0, "executions started/s, acknowledged on disk"),
    "rest_sync_js_per_s": (0, "REST synchronous runs/s of one JavaScript node"),
    "rest_sync_js_ms_p50": (0, "ms p50, the same, 32 connections"),
    "rest_sync_js_ms_p99": (0, "ms p99, the same"),
    "live_update_ms_p99": (100, "ms p99, commit to WebSocket client"),
    "live_update_clients": (1_000, "WebSocket clients of that measure"),
    "executions_live_max": (10_000, "executions live at once"),
    "nodes_per_execution_max": (100_000, "nodes of one execution"),
    "idle_cpu_percent": (2, "% of a core, idle cluster, all processes"),
    "rss_mb": (700, "MB resident (shared pages counted once), idle cluster"),
}

_OPEN_LOOPS = {
    "segment": "ten-node chains in segments",
    "single": "one dispatched node",
}
_SHARES = (25, 50, 75)
_PERCENTILES = ("p50", "p90", "p99", "p999")

Table = dict[str, float]


def number(value: float) -> str:
    """Three digits or more, as many as are worth telling."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _cell(value: float) -> str:
    """A number in a column of its like."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _spread(latest: dict[str, Any], name: str) -> str:
    values = latest.get("rounds", {}).get(name, [])
    return f"{number(min(values))} - {number(max(values))}" if len(values) > 1 else ""


def budget_table(latest: dict[str, Any]) -> str:
    """The figures that have a budget or a name in the README: median, spread, budget."""
    rows = [
        [meaning, number(latest[name]), _spread(latest, name), number(budget) if budget else ""]
        for name, (budget, meaning) in BUDGET.items()
        if name in latest
    ]
    return _markdown(["measure", "median", "min - max", "budget"], rows)


def latency_table(latest: dict[str, Any]) -> str:
    """Open loops: percentiles at each offered load; empty if none was measured."""
    rows = []
    for prefix, meaning in _OPEN_LOOPS.items():
        for share in _SHARES:
            name = f"{prefix}_open{share}"
            if f"{name}_ms_p50" in latest:
                told = [f"{name}_exec_per_s", *(f"{name}_ms_{p}" for p in _PERCENTILES)]
                row = [f"{meaning}, {share} % of peak", *(number(latest[each]) for each in told)]
                rows.append([*row, _spread(latest, f"{name}_ms_p99")])
    head = ["latency in ms", "offered executions/s", "p50", "p90", "p99", "p99.9", "p99 min - max"]
    return _markdown(head, rows) if rows else ""


def _by_measure(title: str, tables: dict[str, Table], total: str = "") -> str:
    """One row for each thing, one column for each measure. Things that are nowhere worth telling
    are left out."""
    names = {name: None for table in tables.values() for name in table}
    told = [n for n in names if any(table.get(n, 0) >= 0.05 for table in tables.values())]
    rows = [[n, *(_cell(table.get(n, 0)) for table in tables.values())] for n in told]
    if total and rows:
        rows.append([total, *(_cell(sum(table.values())) for table in tables.values())])
    return _markdown([title, *tables], rows) if rows else ""


def cost_table(costs: dict[str, Table]) -> str:
    """What one node (for REST: one request) costs in each process."""
    order = {"load": 2, "jails": 1}
    sorted_costs = {
        name: dict(sorted(cost.items(), key=lambda pair: (order.get(pair[0], 0), pair[0])))
        for name, cost in costs.items()
    }
    return _by_measure("CPU us per node", sorted_costs, "all")


def hop_tables(hops: dict[str, dict[str, Any]]) -> list[str]:
    """Bytes on each connection, bytes on disk, sizes of batches."""
    wire = {name: each["wire_bytes"] for name, each in hops.items()}
    disk = {name: each["disk_bytes"] for name, each in hops.items()}
    batches = {
        name: {**each["batches"], "commits_per_s": each["commits_per_s"]}
        for name, each in hops.items()
    }
    tables = [
        _by_measure("bytes per node on the wire", wire, "all"),
        _by_measure("bytes per node on disk", disk),
        _by_measure("batches seen (means)", batches),
    ]
    return [table for table in tables if table]


def _calibrations(latest: dict[str, Any]) -> str:
    rows = [
        [name, *(number(found[key]) for key in ("loops_per_s", "cpu_ms_per_loop", "fsync_ms"))]
        for name, group in latest.get("groups", {}).items()
        if (found := group.get("calibration"))
    ]
    return (
        _markdown(["calibration", "loops/s", "CPU ms per loop", "fsync ms"], rows) if rows else ""
    )


def _others(latest: dict[str, Any]) -> str:
    """All figures with rounds that no other table shows."""
    rounds = latest.get("rounds", {})
    shown = (*(f"{prefix}_open" for prefix in _OPEN_LOOPS), "idle_cpu_percent_", "rss_mb_")
    rows = [
        [f"`{name}`", number(latest[name]), _spread(latest, name)]
        for name in rounds
        if name in latest and name not in BUDGET and not name.startswith(shown)
    ]
    return _markdown(["further figures", "median", "min - max"], rows) if rows else ""


def _circumstances(latest: dict[str, Any]) -> str:
    facts, found = latest["machine"], latest["versions"]
    settings = ", ".join(f"{name}={value}" for name, value in latest.get("durability", {}).items())
    return (
        f"Measured with `make bench` at commit {found['penstock']} on {facts['cores']} cores "
        f"({facts['cpu']}), {facts['memory_gb']} GB, Linux {facts['kernel']}, Python "
        f"{found['python']}, PostgreSQL with {settings or 'fsync on'}; everything and the load "
        f"generator on that one machine; medians."
    )


def _elsewhere(latest: dict[str, Any]) -> str:
    """Groups that were measured at another commit or on another machine than the rest."""
    here = (latest["versions"]["penstock"], latest["machine"])
    told = [
        f"{', '.join(f'`{name}`' for name in group['figures'])}: commit {group['commit']}, "
        f"{group['machine']['cores']} cores ({group['machine']['cpu']}), {group['at']}."
        for group in latest.get("groups", {}).values()
        if (group["commit"], group["machine"]) != here
    ]
    return "\n".join(told)


def readme_section(latest: dict[str, Any]) -> str:
    """What the README says of the recorded figures."""
    head = f"{_circumstances(latest)} The CPU table counts REST per request."
    costs = cost_table(latest["cpu_us_per_node"])
    parts = [head, budget_table(latest), costs, _elsewhere(latest)]
    return "\n\n".join(part for part in parts if part)


def performance_section(latest: dict[str, Any]) -> str:
    """What docs/performance.md says of them: everything."""
    parts = [
        _circumstances(latest),
        budget_table(latest),
        latency_table(latest),
        cost_table(latest["cpu_us_per_node"]),
        *hop_tables(latest.get("hops", {})),
        _others(latest),
        _calibrations(latest),
        _elsewhere(latest),
    ]
    return "\n\n".join(part for part in parts if part)


def put_into(text: str, section: str) -> str:
    """A document with its bench section replaced."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n{section}\n{MARKS[1]}{after}"


def documents(latest: dict[str, Any]) -> dict[Path, str]:
    """Each document with figures, as it should be."""
    sections = {README: readme_section(latest), PERFORMANCE: performance_section(latest)}
    return {path: put_into(path.read_text(), section) for path, section in sections.items()}


def write_documents(latest: dict[str, Any]) -> None:
    """Bring README and docs/performance.md in step."""
    for path, text in documents(latest).items():
        path.write_text(text)


def merge_latest(
    figures: dict[str, float],
    group: str = "scale",
    rounds: dict[str, list[float]] | None = None,
) -> None:
    """Record the figures of one group beside all others, with this machine, commit and time, and
    bring the documents in step."""
    run = circumstances()
    latest = merge(read_latest(), GroupRecord(group, figures, rounds or {}), run)
    latest.setdefault("versions", run.versions)
    latest.setdefault("machine", run.machine)
    write(latest, LATEST)
    write_documents(latest)
