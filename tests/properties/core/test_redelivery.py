"""Whatever is delivered again changes nothing: reports, signals under their id, timers, losses,
starts, cancels, what people ask for (I2)."""

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.coordinator.core.commands import Dispatch, Finish
from penstock.coordinator.core.inputs import Input, Report, SignalArrived
from penstock.coordinator.core.step import Step, step
from support.random_runs import random_plan, random_turn, run_out
from support.simulation import Cluster

KEPT = 6
"""So many of the last inputs come again, besides the one just now."""


class Twice(Cluster):
    """Everything that happens is told twice, and some of it once more later."""

    told: list[Input]
    again: int

    def feed(self, happened: Input) -> Step:
        made = super().feed(happened)
        self.told = [*getattr(self, "told", [])[-KEPT:], happened]
        self.again = getattr(self, "again", 0)
        self.tell_again(happened)
        return made

    def tell_again(self, happened: Input) -> None:
        """A signal without an id is another signal each time: that is what ids are for."""
        if isinstance(happened, SignalArrived) and not happened.signal_id:
            return
        before = dict(self.state.holders)
        made = step(self.state, happened, self.now_us)
        self.again += 1
        assert made.events == (), happened
        assert not [one for one in made.commands if isinstance(one, Dispatch | Finish)], happened
        assert self.state.holders == before, happened


def live_through(rng: Random, turns: int) -> Twice:
    cluster = Twice(random_plan(rng))
    cluster.start()
    sent: list[Report] = []
    for _ in range(turns):
        if cluster.state.end is None:
            random_turn(rng, cluster, sent)
        late: Any = rng.choice(cluster.told)
        if isinstance(late, Report) and not cluster.state.is_current(late.lease):
            cluster.tell_again(late)
    run_out(cluster)
    return cluster


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(st.integers(0, 2**32), st.integers(0, 50))
def test_what_is_delivered_again_changes_nothing(seed: int, turns: int) -> None:
    assert live_through(Random(seed), turns).again > 0
