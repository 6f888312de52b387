"""Whatever people do by hand, and whatever happens meanwhile, the journal keeps every promise."""

import json
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.common.journal_codec import decode_batch
from penstock.coordinator.core.inputs import (
    CancelAsked,
    Intervention,
    PauseAsked,
    Report,
    ResumeAsked,
)
from penstock.coordinator.core.intervening import flaw
from penstock.workflow.execution.values import Operation, Payload
from support.journal_checker import check_journal
from support.random_runs import random_plan, random_turn, run_out
from support.simulation import Cluster

CALM = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)

REQUESTS = ("", "", "p1", "p2", "p3")


def random_intervention(rng: Random, cluster: Cluster) -> Intervention:
    open_nodes = [node.index for node in cluster.plan.nodes if not node.collects]
    node = rng.choice(open_nodes)
    items = cluster.state.fan_outs.get(node)
    item = rng.randint(0, items.count) if items is not None and rng.random() < 0.7 else 0
    routed = rng.random() < 0.3
    return Intervention(
        node,
        item,
        rng.choice(list(Operation)),
        by="ann",
        value=Payload(json.dumps({"by": "hand"}).encode()),
        chosen=("left",) if routed else (),
        routed=routed,
        intervention_id=rng.choice(("", "", "i1", "i2")),
    )


def lay_hands(rng: Random, cluster: Cluster) -> None:
    dice = rng.random()
    if dice < 0.25:
        cluster.feed(PauseAsked("ann", "", rng.choice(REQUESTS)))
    elif dice < 0.5:
        cluster.feed(ResumeAsked("ann", "", rng.choice(REQUESTS)))
    else:
        asked = random_intervention(rng, cluster)
        refused = bool(flaw(cluster.state, asked))
        made = cluster.feed(asked)
        assert not (refused and made.events)


def live_through(rng: Random, turns: int) -> Cluster:
    cluster = Cluster(random_plan(rng))
    cluster.start()
    sent: list[Report] = []
    for _ in range(turns):
        if cluster.state.end is not None:
            break
        if rng.random() < 0.2:
            lay_hands(rng, cluster)
        else:
            random_turn(rng, cluster, sent)
    return cluster


@CALM
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_every_execution_that_people_touched_ends_once_it_is_resumed(seed: int, turns: int) -> None:
    cluster = live_through(Random(seed), turns)
    cluster.feed(ResumeAsked("ann"))
    run_out(cluster)
    batches = [decode_batch(row) for row in cluster.rows]
    assert check_journal(cluster.plan, batches) == []


@CALM
@given(st.integers(0, 2**32), st.integers(0, 40))
def test_a_pause_hands_out_nothing_and_a_cancel_ends_it(seed: int, turns: int) -> None:
    rng = Random(seed)
    cluster = live_through(rng, turns)
    cluster.feed(PauseAsked("ann"))
    sent: list[Report] = []
    for _ in range(20):
        if cluster.state.end is None:
            random_turn(rng, cluster, sent)
            assert cluster.ready == []
    cluster.feed(CancelAsked("enough"))
    batches = [decode_batch(row) for row in cluster.rows]
    assert check_journal(cluster.plan, batches) == []
