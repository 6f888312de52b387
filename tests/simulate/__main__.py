"""A whole cluster, simulated: `make simulate SEEDS=2000`, or `make simulate SEED=17` for one run.

`PYTHONPATH=tests python -m simulate 17` runs a seed again exactly as it was, and shows every step
of it; `--seeds 2000` runs many over all cores, shows how many a second, how much went wrong in
them, and of each that fails how to run it again and the least that it takes.
`tests/simulate/checks.py` lists what is checked.
"""

import argparse
import os
import sys
import warnings

from simulate.many import run_many, story, told
from simulate.run import run_seed
from simulate.script import draw


def one(seed: int, *, quiet: bool) -> bool:
    """Run and show one seed."""
    verdict = run_seed(seed)
    print(f"seed {seed}\n{told(draw(seed))}")
    if not quiet:
        print("\n".join(verdict.trail))
    print("\n".join(f"  {name}: {count}" for name, count in sorted(verdict.counts.items())))
    print(f"history {verdict.digest}, {verdict.simulated_s:.1f} s simulated, {verdict.cpu_s:.2f} s")
    print("\n".join(verdict.violations) or "all is well")
    return verdict.good


def many(first: int, count: int, jobs: int) -> bool:
    """Run and sum up many."""
    tally = run_many(
        range(first, first + count),
        jobs,
        lambda verdict: None if verdict.good else print(f"seed {verdict.seed} failed", flush=True),
    )
    for verdict in tally.failures[:5]:
        print(f"\n{story(verdict)}")
    print("\n".join(f"  {name}: {number}" for name, number in sorted(tally.counts.items())))
    print(tally)
    return not tally.failures


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("seed", nargs="*", type=int, help="seeds to run and show")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="run so many")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="beginning here")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--quiet", action="store_true", help="do not show the steps")
    asked = parser.parse_args()
    if asked.seeds < 0 or asked.jobs < 1:
        parser.error("--seeds is 0 or more, --jobs 1 or more")
    if not asked.seed and not asked.seeds:
        parser.error("name seeds, or how many: --seeds 1000")
    warnings.simplefilter("ignore")
    good = [one(seed, quiet=asked.quiet) for seed in asked.seed]
    if asked.seeds:
        good.append(many(asked.first, asked.seeds, asked.jobs))
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
