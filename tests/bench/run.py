"""The bench: measures fresh embedded clusters and prints what a node costs, hop by hop.

`make bench` runs all of it, about 7 minutes; `--only NAME` some, `--seconds N` sets the length of
each loop. A whole run is recorded in tests/bench/results and shown in README.md and
docs/performance.md. It asserts nothing, but an execution that fails ends it: there is no figure
then.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import command, counters, record, report
from bench.calibration import Calibration, calibrate
from bench.loader import open_loader
from bench.measures import GROUPS, Group, Measure
from bench.measuring import Bench, show
from penstock.embedded import ClusterSettings, open_cluster


class Wanted(msgspec.Struct, frozen=True):
    """How long and how often to measure; `only` names measures, all if empty."""

    seconds: float
    rounds: int
    only: Sequence[str] = ()

    def measures(self, group: Group) -> list[Measure]:
        """Those of the group that are asked for."""
        return [each for each in group.measures if not self.only or each.__name__ in self.only]


class Run(msgspec.Struct, frozen=True):
    """All that a run found."""

    groups: list[record.GroupRecord]
    circumstances: record.Circumstances


def _calibrate(folder: Path) -> Calibration:
    found = calibrate(folder)
    show(
        f"  the machine: {found.loops_per_s:.0f} loops/s on all cores, "
        f"{found.cpu_ms_per_loop:.2f} ms of CPU each, fsync {found.fsync_ms:.2f} ms"
    )
    cores = os.cpu_count() or 1
    if not found.is_quiet(cores):
        show(f"  OTHERS ARE BUSY HERE: the loops got {found.cores:.1f} of {cores} cores")
    return found


async def _measure(group: Group, wanted: Wanted) -> tuple[record.GroupRecord, dict[str, str]]:
    """One group on a cluster of its own: what it found, and the server's durability."""
    show(f"{group.name}:")
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as scratch:
        before = _calibrate(Path(scratch))
        metrics = counters.metrics_settings() if group.counted else {}
        segments = "true" if group.segments else "false"
        settings = ClusterSettings(
            data_dir=Path(scratch) / "cluster",
            log_level="warning",
            service_env={"PENSTOCK_COORDINATOR_SEGMENTS": segments, **metrics},
        )
        async with (
            open_cluster(settings) as cluster,
            open_loader(cluster.coordinator_address) as loader,
        ):
            bench = Bench(cluster, loader, metrics, wanted.seconds, wanted.rounds)
            for each in wanted.measures(group):
                begun = time.perf_counter()
                show(f"  {each.__name__}: {each.__doc__}")
                await each(bench)
                await bench.check()
                show(f"    ({time.perf_counter() - begun:.0f} s)")
            durability = await counters.read_durability(cluster.database_url)
        calibration = Calibration.between(before, _calibrate(Path(scratch)))
    found = record.GroupRecord(group.name, bench.figures, bench.rounds, bench.budgets, calibration)
    return found, durability


async def measure(wanted: Wanted) -> Run:
    """All groups. Raises `LoadFailed`."""
    groups: list[record.GroupRecord] = []
    durability: dict[str, str] = {}
    for group in GROUPS:
        if wanted.measures(group):
            found, durability = await _measure(group, wanted)
            groups.append(found)
    return Run(groups, record.circumstances(durability))


def as_recorded(run: Run) -> dict[str, object]:
    """A run as a record of its own."""
    body: dict[str, object] = {}
    for group in run.groups:
        body = record.merge(body, group, run.circumstances)
    return body | {
        "durability": run.circumstances.durability,
        "versions": run.circumstances.versions,
        "machine": run.circumstances.machine,
    }


def run_or_end(wanted: Wanted) -> Run:
    """Measure; end the process with 1 if there is no figure."""
    return command.conduct("bench", measure(wanted))


def main() -> None:
    """Parse the command line and run."""
    parser = command.parser("bench.run", __doc__)
    names = [each.__name__ for group in GROUPS for each in group.measures]
    parser.add_argument(
        "--only", action="append", default=[], choices=names, help=command.ONLY_HELP
    )
    parser.add_argument("--seconds", type=command.seconds, default=5.0, help="length of each loop")
    parser.add_argument(
        "--rounds", type=command.whole, default=5, help="repetitions; the median is told"
    )
    parser.add_argument("--no-write", action="store_true", help="leave the records as they are")
    given = parser.parse_args()
    run = run_or_end(Wanted(given.seconds, given.rounds, given.only))
    print("\n" + report.performance_section(as_recorded(run)))
    if not given.no_write and not given.only:
        report.write_documents(record.keep(run.groups, run.circumstances))


if __name__ == "__main__":
    main()
