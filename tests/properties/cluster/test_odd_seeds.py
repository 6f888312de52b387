"""Several coordinators, workers, state processes and gateways under faults of every kind: every
invariant holds at every step, whatever the seed. This file tries the odd half of the seeds.

`PENSTOCK_SEEDS` says how many there are in all. A failure prints the seed, the least that it takes
to fail, and the way there; `make simulate SEED=...` runs it again exactly.
"""

import pytest

from simulate.many import story
from simulate.shares import SEEDS, run_share

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120 + SEEDS)]


def test_every_invariant_holds_at_every_step_whatever_the_seed() -> None:
    tally = run_share(1)
    print(tally)
    assert not tally.failures, "\n\n".join(map(story, tally.failures[:3]))
