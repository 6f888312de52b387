"""Several coordinators, workers, state processes and gateways under faults of every kind: every
invariant holds at every step, whatever the seed. This file tries the even half of the seeds.

`PENSTOCK_SEEDS` says how many there are in all. A failure prints the seed, the least that it takes
to fail, and the way there; `make simulate SEED=...` runs it again exactly.
"""

import pytest

from simulate.many import Tally, story
from simulate.shares import SEEDS, run_share

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120 + SEEDS)]


@pytest.fixture(scope="module")
def tally() -> Tally:
    return run_share(0)


def test_every_invariant_holds_at_every_step_whatever_the_seed(tally: Tally) -> None:
    print(tally)
    assert not tally.failures, "\n\n".join(map(story, tally.failures[:3]))


@pytest.mark.skipif(SEEDS < 200, reason="so few seeds need not see everything")
@pytest.mark.parametrize(
    "what",
    [
        *("fault kill", "fault stop", "fault freeze", "fault cut", "fault slow", "fault break"),
        *("fault clock", "fault database", "fault bus", "fenced writes", "database refusals"),
        *("refused UNAVAILABLE", "refused NOT_FOUND", "refused CONFLICT"),
        *("effects", "signals", "notices", "looks at memory"),
        *("crowded limits", "let go by rates", "slots fired", "slots passed over"),
        *("approvals answered", "doubts answered", "hands laid", "hands again"),
    ],
)
def test_much_goes_wrong(tally: Tally, what: str) -> None:
    assert tally.counts[what] > 0
