"""The seeds that tests try, in shares: each share is a file's, and files run at the same time."""

import os

from simulate.many import Tally, run_many

SEEDS = int(os.environ.get("PENSTOCK_SEEDS", "2000"))
"""How many there are in all."""
SHARES = 2


def run_share(number: int) -> Tally:
    """Run one of them: by itself where other workers run the others, else over all cores."""
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else os.cpu_count() or 1
    return run_many(range(number, SEEDS, SHARES), jobs)
