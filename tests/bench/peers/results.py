"""The comparison as tables for people and as JSON."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.peers.measure import Found, Plan
from bench.peers.peer import Way
from bench.peers.penstock.peer import DISPATCHED, SEGMENTS

MEASURES: dict[str, tuple[str, bool, int]] = {
    "chain_steps_per_s": ("chain, steps/s", True, 0),
    "fan_out_steps_per_s": ("fan-out, nodes/s", True, 0),
    "idle_chain_ms_p50": ("idle chain p50, ms", False, 1),
    "idle_chain_ms_p99": ("idle chain p99, ms", False, 1),
    "first_step_ms_p50": ("first step p50, ms", False, 1),
    "chain_cpu_s_per_1000": ("CPU s per 1,000 steps", False, 3),
}
"""Figures with their titles, whether more is better, and decimals."""

RATIOS = (
    "chain_steps_per_s",
    "fan_out_steps_per_s",
    "idle_chain_ms_p50",
    "first_step_ms_p50",
    "chain_cpu_s_per_1000",
)
EVEN = 0.05
"""Closer than this is no difference."""
QUIET = 0.7
"""A machine with a higher load average has something else to do."""

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"
MARKS = ("<!-- peers -->", "<!-- /peers -->")


@dataclass
class Comparison:
    """Everything that was found in one run."""

    plan: Plan
    found: dict[str, tuple[Way, Found]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    busy: float = 0.0
    """Load average of the machine before anything was started."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])


def figure_cell(found: Found, name: str) -> str:
    """A figure with its lowest and highest round."""
    value, decimals = found.figure(name), MEASURES[name][2]
    if value is None:
        return "-"
    low, high = found.spread(name)
    return f"{value:,.{decimals}f} ({low:,.{decimals}f}-{high:,.{decimals}f})"


def figures_table(comparison: Comparison) -> str:
    """What was measured."""
    rows = [
        [way.label, *(figure_cell(found, name) for name in MEASURES)]
        for way, found in comparison.found.values()
    ]
    return table(["median (lowest-highest)", *(title for title, *_ in MEASURES.values())], rows)


def times_ahead(reference: Found, other: Found, name: str) -> float | None:
    """How many times better the reference is; below 1 the other one is ahead."""
    ours, theirs = reference.figure(name), other.figure(name)
    if not ours or not theirs:
        return None
    return ours / theirs if MEASURES[name][1] else theirs / ours


def ratio_cell(ahead: float | None) -> str:
    """A ratio in words that cannot be misread."""
    if ahead is None:
        return "-"
    if abs(ahead - 1) < EVEN:
        return "even"
    return f"{ahead:.1f}x" if ahead > 1 else f"**peer ahead {1 / ahead:.1f}x**"


def ratio_table(comparison: Comparison, reference: str) -> str:
    """How many times ahead one of Penstock's rows is of every peer."""
    way, ours = comparison.found[reference]
    rows = [
        [other.label, *(ratio_cell(times_ahead(ours, found, name)) for name in RATIOS)]
        for name, (other, found) in comparison.found.items()
        if name not in (SEGMENTS, DISPATCHED)
    ]
    head = [f"{way.label}: times ahead of", *(MEASURES[name][0] for name in RATIOS)]
    return table(head, rows)


def peers_ahead(comparison: Comparison, reference: str) -> list[str]:
    """A line for each measure in which a peer is ahead."""
    way, ours = comparison.found[reference]
    lines = []
    for name, (other, found) in comparison.found.items():
        for measure in RATIOS:
            ahead = times_ahead(ours, found, measure)
            if name not in (SEGMENTS, DISPATCHED) and ahead and ahead < 1 - EVEN:
                title = MEASURES[measure][0]
                lines.append(f"- {other.label} is {1 / ahead:.1f}x ahead of {way.label}: {title}")
    return lines


def durability_table(comparison: Comparison) -> str:
    """What each keeps, by default or as named."""
    ways = [way for way, _found in comparison.found.values()]
    rows = [[way.label, way.survives_kill, way.survives_power] for way in ways]
    head = ["survives", "a killed process (kill -9)", "loss of power"]
    return table(head, rows).replace("---:", "---")


def circumstances(comparison: Comparison) -> str:
    """Where and how it was measured."""
    machine, plan = report.machine(), comparison.plan
    versions = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
    text = (
        f"Measured with `make bench-peers` on {machine['cores']} cores ({machine['cpu']}), "
        f"{machine['memory_gb']} GB, Linux {machine['kernel']}: {plan.rounds} rounds of "
        f"{plan.seconds:g} s, everything on that one machine; {versions}."
    )
    if comparison.busy > QUIET:
        text += (
            f" **Others were busy on it** (load average {comparison.busy:.1f} before the start): "
            "only CPU times mean something."
        )
    return text


def as_text(comparison: Comparison) -> str:
    """All tables, and what could not be measured."""
    parts = [circumstances(comparison), figures_table(comparison)]
    for reference in (SEGMENTS, DISPATCHED):
        if reference in comparison.found and len(comparison.found) > 1:
            parts.append(ratio_table(comparison, reference))
            ahead = peers_ahead(comparison, reference)
            parts.append("\n".join(["Peers ahead:", *ahead]) if ahead else "No peer is ahead.")
    if comparison.found and not {SEGMENTS, DISPATCHED} & set(comparison.found):
        parts.append("Nothing of Penstock was measured: add `--only penstock` to compare.")
    parts.append(durability_table(comparison))
    no_fan_out = [
        f"- {way.label}: {way.no_fan_out}"
        for way, _found in comparison.found.values()
        if way.no_fan_out
    ]
    if no_fan_out:
        parts.append("\n".join(["No natural fan-out:", *no_fan_out]))
    if comparison.failed:
        failed = (f"- {name}: {why}" for name, why in comparison.failed.items())
        parts.append("\n".join(["Not measured:", *failed]))
    return "\n\n".join(parts)


def way_json(way: Way, found: Found) -> dict[str, Any]:
    """One row."""
    return {
        "label": way.label,
        "survives_kill": way.survives_kill,
        "survives_power_loss": way.survives_power,
        "no_fan_out": way.no_fan_out,
        "in_flight": found.in_flight,
        "figures": {name: round(found.figure(name) or 0, 4) for name in found.rounds},
        "rounds": {name: [round(v, 4) for v in values] for name, values in found.rounds.items()},
    }


def write_page(comparison: Comparison) -> None:
    """Replace the tables in docs/performance.md, if it has a place for them."""
    page = PAGE.read_text() if PAGE.exists() else ""
    before, begin, rest = page.partition(MARKS[0])
    _tables, end, after = rest.partition(MARKS[1])
    if begin and end:
        PAGE.write_text(f"{before}{begin}\n{as_text(comparison)}\n{end}{after}")


def write_json(comparison: Comparison) -> None:
    """Replace peers.json."""
    body = {
        "machine": report.machine(),
        "versions": comparison.versions,
        "load_average_before": round(comparison.busy, 2),
        "seconds": comparison.plan.seconds,
        "rounds": comparison.plan.rounds,
        "ways": {name: way_json(way, found) for name, (way, found) in comparison.found.items()},
        "not_measured": comparison.failed,
    }
    text = msgspec.json.format(msgspec.json.encode(body), indent=2)
    (report.RESULTS / "peers.json").write_bytes(text + b"\n")
