"""`make bench-check`: a shorter bench against the last recorded run of the same kind of machine.

Ends with 1 if something got slower, with 2 if that cannot be told: nothing is recorded, or others
were busy on the machine.
"""

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from bench import command, record
from bench.calibration import Calibration
from bench.compare import Comparison, Rounds, Speed, Verdict, compare_all, told
from bench.measures import GROUPS, live, segments_open, single_open
from bench.run import Run, Wanted, as_recorded, run_or_end

_LEFT_OUT = (segments_open, single_open, live)
"""Percentiles under load scatter too much for short rounds."""
_MEASURES = [each.__name__ for group in GROUPS for each in group.measures if each not in _LEFT_OUT]


def _speed(found: Calibration, cores: int) -> Speed:
    return Speed(found.loops_per_s, found.cpu_ms_per_loop, found.is_quiet(cores))


def rounds_of(body: Mapping[str, Any]) -> dict[str, Rounds]:
    """Every figure of a record that has rounds and whose group was calibrated."""
    found = {}
    for group in body.get("groups", {}).values():
        if calibration := group.get("calibration"):
            speed = _speed(msgspec.convert(calibration, Calibration), group["machine"]["cores"])
            for name in group["figures"]:
                if values := body["rounds"].get(name):
                    found[name] = Rounds(values, speed)
    return found


def _named(found: list[Comparison], verdict: Verdict) -> list[str]:
    return [each.name for each in found if each.verdict is verdict]


def _report(recorded: Mapping[str, Any], run: Run) -> int:
    """Print the comparison; the exit code."""
    found = compare_all(rounds_of(recorded), rounds_of(as_recorded(run)))
    then = recorded["versions"]["penstock"]
    print(f"\ncompared with commit {then}; changes are relative to the calibration loop")
    for each in found:
        print(told(each))
    if unclear := _named(found, Verdict.UNCLEAR):
        print(
            f"{len(unclear)} of {len(found)} figures cannot be judged: others were busy on the "
            "machine, now or when the run was recorded"
        )
    if slower := _named(found, Verdict.SLOWER):
        print(f"{len(slower)} of {len(found)} figures got slower: {', '.join(slower)}")
        return 1
    if unclear or not found:
        return 2
    print(f"none of {len(found)} figures got slower")
    return 0


def main() -> None:
    """Measure and compare."""
    parser = command.parser("bench.check", __doc__)
    parser.add_argument(
        "--only", action="append", default=[], choices=_MEASURES, help=command.ONLY_HELP
    )
    parser.add_argument("--seconds", type=command.seconds, default=3.0, help="length of each loop")
    parser.add_argument("--rounds", type=command.whole, default=5, help="repetitions of each")
    given = parser.parse_args()
    here = record.circumstances()
    recorded = record.read_machine(here)
    if recorded is None:
        print(
            f"bench-check: no run is recorded for this kind of machine ({here.machine['cores']} "
            f"cores, {here.machine['cpu']}, Python {here.versions['python']}).\n"
            f"`make bench` records one in {record.machine_file(here).relative_to(record.ROOT)}.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    run = run_or_end(Wanted(given.seconds, given.rounds, given.only or _MEASURES))
    raise SystemExit(_report(recorded, run))


if __name__ == "__main__":
    main()
