"""The recorded figures: tests/bench/results/latest.json, and the last run of each kind of machine
beside it.

Figures are recorded in groups; recording one leaves the others' figures as they were, with their
own machine, commit and time.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.calibration import Calibration
from bench.facts import kind_of, machine, versions
from bench.hops import Hops

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
LATEST = RESULTS / "latest.json"
MACHINES = RESULTS / "machines"


class GroupRecord(msgspec.Struct, frozen=True):
    """What one group of measures found. `rounds` holds every value behind a figure."""

    name: str
    figures: dict[str, float]
    rounds: dict[str, list[float]] = {}
    budgets: dict[str, Hops] = {}
    calibration: Calibration | None = None


class Circumstances(msgspec.Struct, frozen=True):
    """When, where and on what a run was made. `durability` holds PostgreSQL's settings."""

    at: str
    machine: dict[str, Any]
    versions: dict[str, str]
    durability: dict[str, str] = {}


def circumstances(durability: dict[str, str] | None = None) -> Circumstances:
    """Of a run made now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Circumstances(now, machine(), versions(), durability or {})


def read_latest() -> dict[str, Any]:
    """The recorded figures; empty if there are none."""
    return msgspec.json.decode(LATEST.read_bytes()) if LATEST.exists() else {}


def _rounded(table: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in table.items()}


def merge(latest: dict[str, Any], group: GroupRecord, run: Circumstances) -> dict[str, Any]:
    """`latest` with one group's figures in place of those that the group had."""
    groups = dict(latest.get("groups", {}))
    gone = set(groups.get(group.name, {}).get("figures", ())) - group.figures.keys()
    kept = {name: value for name, value in latest.items() if name not in gone}
    tables: dict[str, dict[str, Any]] = {
        "cpu_us_per_node": {n: _rounded(hops.cpu_us) for n, hops in group.budgets.items()},
        "hops": {
            name: {
                "wire_bytes": _rounded(hops.wire_bytes),
                "disk_bytes": _rounded(hops.disk_bytes),
                "batches": _rounded(hops.batches),
                "commits_per_s": round(hops.commits_per_s, 1),
            }
            for name, hops in group.budgets.items()
        },
        "rounds": group.rounds,
    }
    for name, fresh in tables.items():
        before = {n: v for n, v in latest.get(name, {}).items() if n not in gone}
        kept[name] = before | fresh
    groups[group.name] = {
        "figures": list(group.figures),
        "at": run.at,
        "commit": run.versions["penstock"],
        "machine": run.machine,
        "calibration": msgspec.to_builtins(group.calibration) if group.calibration else None,
    }
    ends = ("cpu_us_per_node", "hops", "rounds", "groups", "durability", "versions", "machine")
    whole = {**kept, **group.figures, "groups": groups}
    front = {name: value for name, value in whole.items() if name not in ends}
    return front | {name: whole[name] for name in ends if name in whole}


def write(body: dict[str, Any], path: Path) -> None:
    """Replace a file of figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(body), indent=2)
    path.write_bytes(text + b"\n")


def keep(groups: list[GroupRecord], run: Circumstances) -> dict[str, Any]:
    """Write a whole run into latest.json, and as the last one of its kind of machine."""
    latest = read_latest()
    for group in groups:
        latest = merge(latest, group, run)
    latest["durability"] = run.durability
    latest["versions"] = run.versions
    latest["machine"] = run.machine
    write(latest, LATEST)
    write(latest, machine_file(run))
    return latest


def read_machine(run: Circumstances) -> dict[str, Any] | None:
    """The last recorded run of this kind of machine, if there is one."""
    path = machine_file(run)
    return msgspec.json.decode(path.read_bytes()) if path.exists() else None


def machine_file(run: Circumstances) -> Path:
    """Where the last run of this kind of machine is kept."""
    return MACHINES / f"{kind_of(run.machine, run.versions)}.json"
