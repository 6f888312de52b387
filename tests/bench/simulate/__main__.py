"""The scheduler, simulated: a thousand workers and a hundred shards in virtual time.

`PYTHONPATH=tests python -m bench.simulate`. The coordinator's own code decides who gets what; time,
workers and work are simulated, so nothing sleeps and the same seed shows the same. Only the cost of
dispatching is real CPU time.
"""

import argparse
import time

from bench import command
from bench.simulate import dispatch_cost, shard_spread
from bench.simulate.cluster import SimulatedCluster
from bench.simulate.scenario import SCENARIOS, SHARDS, Scenario

_COORDINATORS = (1, 2, 3, 4, 8, 10, 20)
_HEAD = (
    f"{'':33}{'tasks':>7}{'max/mean':>9}{'wasted':>8}{'Jain':>7}"
    f"{'p50':>7}{'p99':>8}{'p99.9':>8}{'longest':>9}{'batch':>7}"
)


def scenarios(wanted: list[Scenario], seed: int) -> None:
    """How work spreads, scenario by scenario."""
    print("\nWork over workers: max/mean is the fullest worker's tasks per slot over the mean;")
    print(
        "wasted is the share of slots that idle while tasks wait; Jain's index is of the workers'"
    )
    print("use; waits are virtual ms from ready to running; batch is tasks in a message.\n")
    print(_HEAD)
    for scenario in wanted:
        seen = SimulatedCluster(scenario, seed).run()
        print(
            f"{scenario.name:33}{seen.dispatched:7}{seen.worst:9.2f}{seen.wasted:8.2%}"
            f"{seen.fairness:7.3f}{seen.wait_ms(0.5):7.1f}{seen.wait_ms(0.99):8.1f}"
            f"{seen.wait_ms(0.999):8.1f}{seen.wait_ms(1.0):9.1f}{seen.batch:7.2f}",
            flush=True,
        )


def costs() -> None:
    """What a decision costs."""
    print("\nDispatch cost, real CPU us per task (ready, chosen, handed over, given back)\n")
    for title, found in (
        ("workers", dispatch_cost.by_workers()),
        ("ready, 1,000 workers", dispatch_cost.by_ready()),
    ):
        print(f"{title:>22}" + "".join(f"{n:>10,}" for n in found))
        print(f"{'us':>22}" + "".join(f"{us:>10.2f}" for us in found.values()))


def shards(seed: int) -> None:
    """How shards spread."""
    print(f"\n{SHARDS} shards over coordinators; moves as a multiple of the fewest possible\n")
    print(f"{'coordinators':>14}{'max/mean':>10}{'one joins':>11}{'one leaves':>12}")
    for count in _COORDINATORS:
        seen = shard_spread.measure(count, SHARDS, seed)
        leaves = f"{seen.leaving:12.2f}" if count > 1 else f"{'-':>12}"
        print(f"{count:14}{seen.fullest:10.2f}{seen.joining:11.2f}{leaves}")


def _named(part: str) -> list[Scenario]:
    """Scenarios whose name contains this, as the type of an argument."""
    found = [each for each in SCENARIOS if part in each.name]
    if not found:
        names = "; ".join(each.name for each in SCENARIOS)
        raise argparse.ArgumentTypeError(f"no scenario is named {part!r}. There are: {names}")
    return found


def main() -> None:
    """Parse the command line and simulate."""
    parser = command.parser("bench.simulate", __doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="another seed, another course of events"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        type=_named,
        help="scenarios whose name contains this; may be repeated (default: all)",
    )
    given = parser.parse_args()
    wanted = {scenario.name for part in given.only for scenario in part}
    begun = time.perf_counter()
    shards(given.seed)
    costs()
    scenarios([s for s in SCENARIOS if not wanted or s.name in wanted], given.seed)
    print(f"\n{time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
