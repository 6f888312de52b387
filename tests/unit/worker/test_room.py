"""Attempts that ask for resources begin when there is room for them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.worker.leases import Lease, Session
from penstock.worker.room import Room


class World:
    """A worker with two coordinators; `running` are the attempts that began and have not ended."""

    def __init__(self, **capacity: float) -> None:
        self.room = Room(capacity)
        self.told: list[Session] = []
        self.room.on_change = self.told.append
        self.sessions = [Session(itertools.count(1)) for _ in range(2)]
        self.running: dict[str, Lease] = {}
        self.leases: dict[str, Lease] = {}

    def give(self, name: str, session: int = 0, **resources: float) -> Lease:
        lease = self.sessions[session].take((name, 0, 0, 1))
        assert lease is not None
        self.leases[name] = lease
        self.room.begin(lease, resources, lambda: self.running.setdefault(name, lease))
        return lease

    def end(self, name: str) -> None:
        lease = self.running.pop(name)
        lease.session.report(lease, pb.SegmentReport())

    def abandon(self, name: str) -> None:
        lease = self.leases[name]
        self.running.pop(name, None)
        lease.session.abandon(lease)


def test_what_has_no_room_waits_for_it_in_the_order_of_coming():
    world = World(gpu=2)
    world.give("a", gpu=1)
    world.give("b", session=1, gpu=2)
    world.give("c", gpu=1)
    assert list(world.running) == ["a"]
    world.end("a")
    assert list(world.running) == ["b"]
    world.end("b")
    assert list(world.running) == ["c"]
    world.end("c")
    assert not world.room.taken


def test_each_coordinator_hears_what_the_others_use():
    world = World(gpu=4, cpu=2)
    world.give("a", session=0, gpu=1, cpu=0.1)
    world.give("b", session=1, gpu=2)
    assert world.room.beside(world.sessions[0]) == {"gpu": 2.0}
    assert world.room.beside(world.sessions[1]) == {"gpu": 1.0, "cpu": 0.1}
    assert world.room.beside(None) == {"gpu": 3.0, "cpu": 0.1}
    world.end("a")
    assert world.told == [world.sessions[0], world.sessions[1], world.sessions[0]]
    assert world.room.beside(world.sessions[1]) == {}


def test_what_is_abandoned_before_it_begins_never_begins():
    world = World(gpu=1)
    world.give("a", gpu=1)
    world.give("b", gpu=1)
    world.abandon("b")
    world.end("a")
    assert world.running == {}
    assert not world.room.taken


def test_what_is_abandoned_while_it_runs_leaves_its_room():
    world = World(gpu=1)
    world.give("a", gpu=1)
    world.give("b", gpu=1)
    world.abandon("a")
    assert list(world.running) == ["b"]


def test_what_is_handed_back_unbegun_says_so_and_leaves_its_room():
    world = World(gpu=1)
    world.give("a", gpu=1)
    waiting = world.give("b", gpu=1)
    world.room.close()
    world.sessions[0].hand_back("the worker is shutting down")
    report = waiting.report
    assert isinstance(report, pb.SegmentReport)
    assert not report.outcomes[0].started_unix_us
    assert list(world.running) == ["a"]
    assert not world.room.taken


steps = st.lists(
    st.tuples(
        st.sampled_from(("give", "end", "abandon")),
        st.integers(0, 1),
        st.integers(1, 4),
        st.sampled_from((0.1, 0.5, 1.0)),
    ),
    max_size=60,
)


@given(steps)
def test_what_runs_never_takes_more_than_there_is_and_nothing_leaks(some):
    world = World(gpu=4, cpu=2)
    asked: dict[str, tuple[int, float]] = {}
    for number, (act, session, gpu, cpu) in enumerate(some):
        if act == "give":
            asked[str(number)] = (gpu, cpu)
            world.give(str(number), session, gpu=gpu, cpu=cpu)
        elif act == "end" and world.running:
            world.end(next(iter(world.running)))
        elif act == "abandon" and world.leases:
            name = list(world.leases)[number % len(world.leases)]
            if world.leases[name].report is None:
                world.abandon(name)
        assert sum(asked[name][0] for name in world.running) <= 4
        assert sum(asked[name][1] for name in world.running) <= 2 + 1e-9
    while world.running:
        world.end(next(iter(world.running)))
    assert not world.room.taken
    assert set(world.room._used.values()) <= {0}
