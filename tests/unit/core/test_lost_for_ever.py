"""Work that kills whoever takes it does not do so for ever."""

from penstock.coordinator.core.inputs import AttemptsLost
from penstock.coordinator.core.on_lost import LOSSES_MAX
from support.plans import chain
from support.simulation import Cluster


def test_an_attempt_that_is_lost_again_and_again_fails_in_the_end() -> None:
    cluster = Cluster(chain(1))
    cluster.start()
    losses = 0
    while cluster.finish is None:
        cluster.give(cluster.ready[0], "w1")
        cluster.lose("w1")
        losses += 1
    assert losses == LOSSES_MAX
    assert cluster.finish.failure is not None
    assert cluster.finish.failure.reason == "ATTEMPTS_LOST"


def test_a_loss_that_is_told_twice_counts_once() -> None:
    cluster = Cluster(chain(1))
    cluster.start()
    ref = cluster.ready[0]
    cluster.give(ref, "w1")
    cluster.lose("w1")
    before = cluster.state.seq
    cluster.feed(AttemptsLost((ref,), "again"))
    assert cluster.state.seq == before
