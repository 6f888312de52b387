"""Labels, resources, balance: which worker gets what, and what waits."""

import pytest

from penstock.coordinator.queueing.kinds import amounts_of
from penstock.coordinator.queueing.ledger import Ledger
from penstock.coordinator.shell.dispatch.balances import balances_of, weights_of
from penstock.coordinator.shell.dispatch.ready import CLAIM_AFTER_S
from penstock.workflow.execution.events import StartOptions
from penstock.workflow.execution.values import NodeRef, Payload
from support.coordinator.desk import Desk, live_of

GPU = {"resources": {"gpu": 1}}
TWO_GPUS = {"resources": {"gpu": 2}}


def test_labels_must_all_be_there_with_their_values():
    desk = Desk()
    desk.join("nowhere")
    desk.join("east", labels={"region": "us"})
    desk.join("home", labels={"region": "eu", "disk": "ssd"})
    desk.put(live_of("a", node={"labels": {"region": "eu"}}))
    desk.put(live_of("b", node={"labels": {"region": "eu", "disk": "tape"}}))
    assert desk.hand_out() == [("home", "a", 1)]
    assert desk.ready.depth == 1
    desk.join("vault", labels={"region": "eu", "disk": "tape"})
    assert desk.hand_out() == [("vault", "b", 1)]


def test_what_fits_nowhere_waits_and_holds_nobody_up():
    desk = Desk()
    desk.join("small", resources={"gpu": 1})
    desk.put(live_of("large", node=TWO_GPUS))
    desk.put(live_of("plain"))
    desk.put(live_of("fits", node=GPU))
    assert sorted(name for _, name, _ in desk.hand_out()) == ["fits", "plain"]


def test_resources_are_held_until_the_attempt_ends_and_never_overcommitted():
    desk = Desk()
    worker = desk.join("w", resources={"gpu": 2, "cpu": 0.3})
    for name in "abcde":
        desk.put(live_of(name, node={"resources": {"gpu": 1, "cpu": 0.1}}))
    assert len(desk.hand_out()) == 2
    assert worker.ledger.room_for(amounts_of({"gpu": 1})) == 0
    desk.give_back("a")
    assert [name for _, name, _ in desk.hand_out()] == ["c"]
    for name in "bcde":
        desk.give_back(name)
        desk.hand_out()
    desk.give_back("d")
    desk.give_back("e")
    assert worker.ledger.held == {}
    assert set(worker.ledger.used.values()) == {0}


def test_a_fan_out_takes_as_many_places_as_there_are():
    desk = Desk()
    desk.join("one", resources={"gpu": 3})
    desk.join("two", resources={"gpu": 4})
    desk.put(live_of("wide", 10, node=GPU))
    given = desk.hand_out()
    assert sum(count for _, _, count in given) == 7
    assert desk.ready.depth == 3


def test_what_others_use_of_a_worker_is_not_there():
    desk = Desk()
    worker = desk.join("w", resources={"gpu": 2})
    desk.workers.uses_elsewhere(worker, {"gpu": 2})
    desk.put(live_of("a", node=GPU))
    assert desk.hand_out() == []
    desk.workers.uses_elsewhere(worker, {})
    assert desk.hand_out() == [("w", "a", 1)]


def test_one_that_asks_for_much_gets_its_turn_though_smaller_ones_never_end():
    desk = Desk()
    desk.join("w", resources={"gpu": 2})
    desk.put(live_of("small 0", node=GPU))
    desk.put(live_of("small 1", node=GPU))
    desk.hand_out()
    desk.put(live_of("large", node=TWO_GPUS))
    for n in range(2, 50):
        desk.put(live_of(f"small {n}", node=GPU))
        desk.hand_out()
        if "large" in desk.running():
            break
        desk.give_back(desk.running()[0])
        desk.clock.now += CLAIM_AFTER_S / 2
    assert "large" in desk.names()
    desk.give_back("large")
    assert len(desk.hand_out()) == 2


def test_a_claim_ends_when_what_waited_is_cancelled():
    desk = Desk()
    desk.join("w", resources={"gpu": 2})
    desk.put(live_of("small", node=GPU))
    desk.hand_out()
    large = desk.put(live_of("large", node=TWO_GPUS))
    desk.clock.now += 2 * CLAIM_AFTER_S
    desk.hand_out()
    large.gone = True
    desk.put(live_of("other", node=GPU))
    assert [name for _, name, _ in desk.hand_out()] == ["other"]


def test_an_urgent_execution_overtakes_those_that_wait():
    desk = Desk()
    for name, priority in (("usual", None), ("low", 2), ("critical", 9)):
        desk.put(live_of(name, options=StartOptions(priority=priority)))
    desk.join("w")
    desk.hand_out()
    assert desk.names() == ["critical", "usual", "low"]


def test_a_nodes_own_priority_comes_before_its_executions():
    desk = Desk()
    desk.put(live_of("usual"))
    desk.put(live_of("lowered", options=StartOptions(priority=9), node={"priority": 0}))
    desk.put(live_of("raised", options=StartOptions(priority=0), node={"priority": 8}))
    desk.join("w")
    desk.hand_out()
    assert desk.names() == ["raised", "usual", "lowered"]


def test_an_execution_with_a_deadline_comes_first_in_its_level():
    desk = Desk()
    desk.put(live_of("none"))
    desk.put(live_of("later", deadline_s=900))
    desk.put(live_of("sooner", deadline_s=60))
    desk.join("w")
    desk.hand_out()
    assert desk.names() == ["sooner", "later", "none"]


def test_a_million_of_one_tenant_do_not_hold_up_another():
    desk = Desk()
    worker = desk.join("w", 10)
    desk.put(live_of("greedy", 1_000, tenant="greedy", options=StartOptions(priority=9)))
    desk.hand_out()
    desk.put(live_of("modest", tenant="modest"))
    handed = 0
    while "modest" not in desk.names():
        desk.give_back("greedy")
        handed += sum(count for _, _, count in desk.hand_out())
        assert handed <= 100
    assert worker.credits == 10


def test_kinds_that_want_the_same_workers_take_turns():
    desk = Desk()
    worker = desk.join("w", 1, labels={"region": "eu"})
    for n in range(6):
        desk.put(live_of(f"plain {n}", tenant="a"))
        desk.put(live_of(f"labelled {n}", tenant="b", node={"labels": {"region": "eu"}}))
    for _ in range(6):
        desk.hand_out()
        desk.give_back(desk.names()[-1])
    kinds = [name.split()[0] for name in desk.names()]
    assert kinds.count("plain") == kinds.count("labelled") == 3
    assert worker.free == 1


def test_of_one_tenants_kinds_the_most_urgent_goes_first():
    desk = Desk()
    desk.put(live_of("usual"))
    desk.put(live_of("urgent", node={"labels": {"region": "eu"}, "priority": 9}))
    desk.join("w", 1, labels={"region": "eu"})
    desk.hand_out()
    assert desk.names() == ["urgent"]


def test_round_robin_takes_workers_in_turns_however_busy_they_are():
    desk = Desk(balances={"": "round_robin"})
    busy = desk.join("busy", 100)
    busy.free -= 50
    desk.join("idle", 100)
    for n in range(4):
        desk.put(live_of(f"{n}", options=StartOptions(priority=9)))
    desk.hand_out()
    assert sorted(worker for worker, _, _ in desk.given) == ["busy", "busy", "idle", "idle"]


def test_by_resources_the_one_with_the_most_left_is_chosen():
    desk = Desk(balances={"default": "resources"})
    desk.join("large", 10, resources={"cpu": 16})
    desk.join("small", 100, resources={"cpu": 2})
    for n in range(9):
        desk.put(live_of(f"{n}", node={"resources": {"cpu": 1}}))
    desk.hand_out()
    assert [worker for worker, _, _ in desk.given].count("large") == 8


def test_a_drained_worker_gets_nothing_more():
    desk = Desk()
    worker = desk.join("w", resources={"gpu": 9})
    desk.put(live_of("a", node=GPU))
    desk.hand_out()
    desk.workers.drain(worker)
    desk.put(live_of("b", node=GPU))
    assert desk.hand_out() == []


def test_taking_or_giving_back_twice_changes_nothing():
    ledger = Ledger({"gpu": 3_000})
    amounts = amounts_of({"gpu": 1})
    for _ in range(2):
        ledger.hold(("e", 0, 0), amounts)
    assert ledger.room_for(amounts) == 2
    for _ in range(2):
        ledger.let_go(("e", 0, 0))
    assert ledger.room_for(amounts) == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("round_robin", {"": "round_robin"}),
        ("least_busy, gpu=resources", {"": "least_busy", "gpu": "resources"}),
    ],
)
def test_ways_to_balance_are_read(text, found):
    assert balances_of(text) == found


@pytest.mark.parametrize("text", ["fastest", "gpu=fastest", "least_busy,round_robin", "gpu="])
def test_a_way_that_does_not_exist_is_refused(text):
    with pytest.raises(ValueError, match="give"):
        balances_of(text)


@pytest.mark.parametrize("text", ["acme", "acme=0", "acme=1000", "acme=x", "a=1,a=2"])
def test_a_weight_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="give"):
        weights_of(text)


def work_for(customer: str, name: str, affinity: str = "${{ params.customer }}", **more):
    """An execution whose work belongs to a customer."""
    params = Payload(f'{{"customer": "{customer}"}}'.encode())
    return live_of(name, node={"affinity": affinity}, params=params, **more)


def homes_of(desk: Desk, customers: str, turn: str) -> dict[str, str]:
    """Where the work of each customer goes."""
    for customer in customers:
        desk.put(work_for(customer, f"{customer}{turn}"))
    desk.hand_out()
    found = {name[0]: worker for worker, name, _ in desk.given if name.endswith(turn)}
    for customer in customers:
        desk.give_back(f"{customer}{turn}")
    return found


def test_work_with_one_key_goes_to_one_worker_whichever_execution_it_is_of():
    desk, other = Desk(), Desk()
    for name in ("one", "two", "three"):
        desk.join(name)
    for name in ("three", "one", "two"):
        other.join(name)
    first = homes_of(desk, "abcdefgh", "1")
    assert len(set(first.values())) > 1
    assert homes_of(desk, "abcdefgh", "2") == first
    assert homes_of(other, "abcdefgh", "1") == first


def test_when_a_worker_goes_only_its_keys_move():
    desk = Desk()
    for name in ("one", "two", "three"):
        desk.join(name)
    first = homes_of(desk, "abcdefgh", "1")
    desk.workers.drain(desk.workers.by_id["two"])
    second = homes_of(desk, "abcdefgh", "2")
    moved = {customer for customer in first if first[customer] != second[customer]}
    assert moved == {customer for customer in first if first[customer] == "two"}


def test_a_worker_that_is_much_fuller_does_not_get_its_keys():
    desk = Desk()
    for name in ("one", "two"):
        desk.join(name, 100)
    home = homes_of(desk, "a", "1")["a"]
    desk.workers.by_id[home].free -= 50
    assert homes_of(desk, "a", "2")["a"] != home


def test_accounts_do_not_share_keys():
    desk = Desk()
    for n in range(64):
        desk.join(f"worker {n}")
    for tenant in "xy":
        desk.put(work_for("a", tenant, tenant=tenant))
    desk.hand_out()
    assert len({worker for worker, _, _ in desk.given}) == 2


def test_a_key_without_a_value_goes_wherever_there_is_room():
    desk = Desk()
    desk.join("one")
    desk.put(work_for("a", "odd", "${{ params.nobody }}"))
    assert desk.hand_out() == [("one", "odd", 1)]


def test_without_affinity_an_execution_does_not_stay_with_its_worker():
    desk = Desk()
    for name in ("one", "two"):
        desk.join(name)
    live = live_of("a", 6, node={"affinity": "none"})
    for n in range(6):
        desk.ready.add(live, (NodeRef(n),))
        desk.hand_out()
    assert [worker for worker, _, _ in desk.given].count("one") == 3
