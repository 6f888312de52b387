"""The simulated scheduler: it is only worth something if it loses nothing and repeats itself."""

from dataclasses import replace

from bench.simulate.cluster import SimulatedCluster
from bench.simulate.dispatch_cost import us_per_task
from bench.simulate.scenario import Group, Scenario
from bench.simulate.shard_spread import measure

SMALL = Scenario("small", groups=(Group(20),), seconds=1.0, mean_s=0.05, coordinators=2)


def test_the_same_seed_shows_the_same():
    first, second = (SimulatedCluster(SMALL, 3).run() for _ in range(2))
    assert first == second
    assert first != SimulatedCluster(SMALL, 4).run()


def test_every_task_is_done_although_workers_die_drain_and_join():
    churn = replace(SMALL, name="churn", dying=4, draining=4, joining=4, load=0.4, shape="constant")
    seen = SimulatedCluster(churn, 1).run()
    assert seen.unfinished == 0
    assert seen.dispatched > len(seen.waits_s) > 500
    assert min(seen.waits_s) >= 0.0


def test_work_spreads_over_all_workers_of_a_half_full_cluster():
    seen = SimulatedCluster(replace(SMALL, load=0.5), 1).run()
    assert seen.fairness > 0.95
    assert seen.wasted < 0.01


def test_each_pool_does_its_own_work():
    pools = (Group(10), Group(10, pool="gpu"))
    seen = SimulatedCluster(replace(SMALL, groups=pools, load=0.5), 1).run()
    assert seen.fairness > 0.9
    assert seen.unfinished == 0


def test_costs_and_shares_are_measured():
    assert us_per_task(3, 10) > 0
    assert measure(4, 100, 1).fullest == 1.0
