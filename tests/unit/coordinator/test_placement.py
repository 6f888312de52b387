"""Which worker gets what, and who has which shard."""

from collections import Counter
from random import Random

import pytest

from penstock.coordinator.shell.dispatch.placement import (
    CHUNK_MAX,
    RUN_MAX,
    WIDE_CHILDREN,
    Seat,
    Team,
    Teams,
    chunk_size,
    may_continue,
    run_length,
)
from penstock.coordinator.shell.shards.rendezvous import shards_of, spread
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import NodePlan, Plan


def team_of(*seats: Seat) -> Team[Seat]:
    team: Team[Seat] = Team()
    for seat in seats:
        team.add(seat)
    return team


def seat_with(held: int, credit_count: int = 10) -> Seat:
    seat = Seat(credit_count)
    seat.free -= held
    return seat


def give_back(seat: Seat, count: int = 1) -> None:
    seat.free += count
    seat.ease()


def test_the_least_filled_worker_is_chosen():
    seats = [seat_with(3), seat_with(1), seat_with(2)]
    assert team_of(*seats).least() is seats[1]


def test_workers_are_filled_in_proportion_to_their_credits():
    seats = [Seat(5), Seat(50), Seat(500)]
    team = team_of(*seats)
    for _ in range(111):
        least = team.least()
        assert least is not None
        least.free -= 1
    assert [seat.credits - seat.free for seat in seats] == [1, 10, 100]


def test_equally_filled_workers_take_turns():
    seats = [Seat(10), Seat(10), Seat(10)]
    team, chosen = team_of(*seats), []
    for _ in range(6):
        least = team.least()
        assert least is not None
        chosen.append(seats.index(least))
        least.free -= 1
    assert sorted(chosen[:3]) == sorted(chosen[3:]) == [0, 1, 2]


def test_nobody_is_chosen_when_nobody_has_room():
    assert team_of(seat_with(10), seat_with(13)).least() is None
    assert team_of(seat_with(10)).least() is None
    assert team_of().least() is None


def test_a_worker_with_room_again_is_found():
    seats = [seat_with(10), seat_with(10)]
    team = team_of(*seats)
    assert team.least() is None
    give_back(seats[1])
    assert team.least() is seats[1]


def test_a_worker_that_leaves_gets_nothing_until_it_is_back():
    staying, leaving = seat_with(5), seat_with(0)
    team = team_of(staying, leaving)
    team.remove(leaving)
    give_back(leaving)
    assert team.least() is staying
    assert len(team) == 1
    team.add(leaving)
    assert team.least() is leaving


def test_the_choice_is_the_least_filled_one_whatever_happened_before():
    random = Random(7)
    seats = [Seat(random.choice((4, 16, 64))) for _ in range(40)]
    team = team_of(*seats)
    here = set(seats)
    for _ in range(5_000):
        seat = random.choice(seats)
        match random.randrange(8):
            case 0 if seat in here:
                team.remove(seat)
                here.discard(seat)
            case 0:
                team.add(seat)
                here.add(seat)
            case 1 | 2 | 3 if seat.free < seat.credits:
                give_back(seat, random.randint(1, seat.credits - seat.free))
            case _:
                least = team.least()
                best = min(((s.credits - s.free + 1) / s.credits for s in here), default=2.0)
                if least is None:
                    assert best > 1.0
                else:
                    assert (least.credits - least.free + 1) / least.credits == best
                    least.free -= random.randint(1, least.free)


def test_a_kind_that_several_teams_serve_gets_the_least_filled_of_all():
    near, far = team_of(seat_with(4), seat_with(2)), team_of(seat_with(3), seat_with(1))
    both = Teams([near, far])
    assert len(both) == 4
    assert both.least() is far.least()
    assert Teams([]).least() is None


def test_a_coordinator_goes_to_its_own_workers_first():
    own, others = team_of(seat_with(3), seat_with(4)), team_of(seat_with(0))
    assert Teams([own], [others]).least() is own.least()


def test_a_coordinator_goes_to_a_worker_of_another_that_is_much_less_busy():
    near, far = seat_with(100, 1_000), seat_with(0, 1_000)
    crew = Teams([team_of(near)], [team_of(far)])
    assert crew.least() is far
    far.elsewhere = 60
    assert crew.least() is near
    near.free -= 30
    assert crew.least() is far
    far.free = 0
    assert crew.least() is near
    near.free = 0
    assert crew.least() is None


def test_what_is_wide_goes_to_the_least_filled_of_all():
    near, far = seat_with(3), seat_with(2)
    assert Teams([team_of(near)], [team_of(far)]).least_of_all() is far


def test_a_coordinator_without_workers_of_its_own_uses_those_of_others():
    far = team_of(seat_with(5))
    assert Teams([], [far]).least() is far.least()


def test_a_full_worker_is_passed_over_though_others_have_more_elsewhere():
    full, busy = seat_with(10), seat_with(0)
    busy.elsewhere = 50
    assert team_of(full, busy).least() is busy


def test_an_execution_stays_with_a_worker_that_is_not_much_fuller_than_others():
    near, other = seat_with(100, 1_000), seat_with(90, 1_000)
    for crew in (team_of(near, other), Teams([near.team])):
        assert crew.keeps(near)
        other.free += 60
        other.ease()
        assert not crew.keeps(near)
        other.free -= 60


def test_an_execution_leaves_a_worker_that_is_full_or_gone():
    full, gone = seat_with(10), seat_with(0)
    team = team_of(full, gone)
    team.remove(gone)
    assert not team.keeps(full)
    assert not team.keeps(gone)
    assert not Teams([team]).keeps(gone)


@pytest.mark.parametrize(("held", "expected"), [(0, 1), (7, 1), (8, 2), (80, 20), (999, RUN_MAX)])
def test_the_busier_a_worker_the_more_it_gets_at_once(held, expected):
    assert run_length(seat_with(held, 1_000)) == expected


@pytest.mark.parametrize(
    ("waiting", "workers", "free", "expected"),
    [(10, 2, 100, 5), (11, 2, 100, 6), (1_000, 2, 500, CHUNK_MAX), (10, 1, 3, 3), (1, 4, 9, 1)],
)
def test_a_chunk_is_a_fair_share_within_the_room(waiting, workers, free, expected):
    assert chunk_size(waiting, workers, free) == expected


def plan_with_children(count: int) -> Plan:
    nodes = [NodePlan(0, "a", "js@1", children=tuple(range(1, count + 1)))]
    return Plan("p", "h", tuple(nodes), 0)


def test_a_worker_goes_on_unless_the_node_fans_out_wide():
    ref = (NodeRef(0),)
    assert may_continue(plan_with_children(WIDE_CHILDREN), ref)
    assert not may_continue(plan_with_children(WIDE_CHILDREN + 1), ref)
    assert not may_continue(plan_with_children(WIDE_CHILDREN + 1), ref * 2)


def test_every_shard_has_one_owner_whatever_the_order_of_members():
    members = ["a", "b", "c"]
    assert spread(64, members) == spread(64, members[::-1])
    spread_out = [shards_of(member, members, 64) for member in members]
    assert sorted(s for own in spread_out for s in own) == list(range(64))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 64])
def test_nobody_has_more_than_an_even_share_of_the_shards(count):
    counts = Counter(spread(64, [f"m{n}" for n in range(count)]).values())
    assert sum(counts.values()) == 64
    assert max(counts.values()) == -(-64 // count)


def test_a_leaving_member_moves_little_more_than_its_own_shards():
    members = [f"m{n}" for n in range(5)]
    before, after = spread(250, members), spread(250, members[:-1])
    moved = [shard for shard, owner in before.items() if after[shard] != owner]
    assert 50 <= len(moved) <= 75


def test_a_stranger_has_no_shards():
    assert shards_of("x", ["a", "b"], 64) == frozenset()
    assert spread(64, []) == {}
