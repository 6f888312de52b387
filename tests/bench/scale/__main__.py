"""Scale, shown: `make bench-scale` runs all of it, `--only NAME` some. Prints tables, asserts
nothing, leaves nothing behind; with `--write` the figures are recorded beside those of the bench.
All of it takes long: a million executions are written and a million fall asleep. Try less with
`--executions 10000`, or with `--only sleepers --count 500`, which takes one to two minutes.
"""

import argparse
from collections.abc import Callable, Coroutine
from typing import Any

from bench import command, report
from bench.scale.families import families
from bench.scale.live import executions_live, nodes_per_execution
from bench.scale.sleepers import sleepers
from bench.scale.store import store
from bench.scale.topology import topology

Measure = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]

MEASURES: dict[str, Measure] = {
    "store": lambda given: store(given.executions),
    "executions_live": lambda given: executions_live(given.count or 50_000),
    "nodes_per_execution": lambda given: nodes_per_execution(given.count or 100_000),
    "families": lambda given: families(given.count or 10_000),
    "sleepers": lambda given: sleepers(given.count or 1_000_000),
    "topology": lambda given: topology(given.seconds, given.rounds),
}


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("bench.scale", __doc__)
    parser.add_argument(
        "--only", action="append", default=[], choices=MEASURES, help=command.ONLY_HELP
    )
    parser.add_argument(
        "--executions",
        type=command.whole,
        default=1_000_000,
        help="finished ones that `store` writes",
    )
    parser.add_argument(
        "--count",
        type=command.whole,
        help="executions or nodes of the other measures (default: 50,000 executions_live, "
        "100,000 nodes_per_execution, 10,000 families, 1,000,000 sleepers)",
    )
    parser.add_argument(
        "--seconds", type=command.seconds, default=8.0, help="length of `topology`'s loops"
    )
    parser.add_argument("--rounds", type=command.whole, default=5, help="repetitions of `topology`")
    parser.add_argument("--write", action="store_true", help="record the figures in latest.json")
    return parser


def main() -> None:
    """Parse the command line and run."""
    given = _parser().parse_args()
    figures: dict[str, float] = {}
    for name, measure in MEASURES.items():
        if not given.only or name in given.only:
            print(f"\n{name}", flush=True)
            figures |= command.conduct("bench-scale", measure(given)) or {}
    print("\n" + "\n".join(f"{name:>36} {value:>14,.2f}" for name, value in figures.items()))
    if given.write and figures:
        report.merge_latest(figures)


if __name__ == "__main__":
    main()
