"""Lines of notices: one after the other for each target, but ends together."""

from penstock.api.peer.v1.peer_service_pb2 import CancelNotice, EndNotice, Notice, StartNotice
from penstock.coordinator.shell.dues import Owed
from penstock.coordinator.shell.live import Phase, Shard
from penstock.coordinator.shell.notices.lines import Lines
from support.coordinator.desk import TurnedClock


def owned(number=1):
    shard = Shard(number, 1, 0)
    shard.phase = Phase.OWNED
    return shard


def end(target, output=b"1", tenant="default"):
    notice = Notice(tenant=tenant, target_id=target, end=EndNotice(status=2))
    notice.end.output.json = output
    return notice


def start(target):
    return Notice(tenant="default", target_id=target, start=StartNotice(workflow="w"))


def cancel(target):
    return Notice(tenant="default", target_id=target, cancel=CancelNotice())


class World:
    """Lines, and the numbers of what they let go."""

    def __init__(self, *notices, shard=None):
        self.clock = TurnedClock()
        self.lines = Lines(self.clock)
        for number, notice in enumerate(notices, 1):
            self.lines.add(Owed(shard or owned(), number, notice))
        self.out = []

    def let_go(self, count=500):
        portions = self.lines.next_portions(count)
        self.out += portions
        return [[one.id for one in portion] for portion in portions]

    def conclude(self, *left):
        for portion in self.out:
            self.lines.conclude(portion, [one for one in portion if one.id in left])
        self.out = []

    async def after(self, seconds):
        self.clock.now += seconds
        await self.lines.wait()
        return self.let_go()


def test_ends_for_one_execution_go_together_and_others_beside_them():
    world = World(end("p"), end("q"), end("p"), start("c"), end("p"))
    assert world.let_go() == [[1, 3, 5], [2], [4]]
    assert world.let_go() == []
    world.conclude()
    assert len(world.lines) == 0


def test_a_cancel_waits_until_the_start_before_it_has_arrived():
    world = World(start("c"), cancel("c"))
    assert world.let_go() == [[1]]
    assert world.let_go() == []
    world.conclude()
    assert world.let_go() == [[2]]


def test_ends_stop_going_together_at_whatever_is_no_end():
    world = World(end("p"), end("p"), cancel("p"), end("p"))
    assert world.let_go() == [[1, 2]]
    world.conclude()
    assert world.let_go() == [[3]]
    world.conclude()
    assert world.let_go() == [[4]]


def test_ends_of_two_accounts_do_not_go_together():
    assert World(end("p"), end("p", tenant="other")).let_go() == [[1]]


def test_no_more_go_together_than_one_row_should_hold():
    world = World(*[end("p", b"x" * 400_000)] * 3)
    assert world.let_go() == [[1, 2]]
    assert World(*[end("p")] * 9).let_go(4) == [[1, 2, 3, 4]]
    assert World(end("p", b"x" * 2_000_000), end("p")).let_go() == [[1]]


async def test_what_did_not_arrive_is_tried_again_first_and_after_growing_pauses():
    world = World(end("p"), end("p"), end("p"))
    assert world.let_go(2) == [[1, 2]]
    world.conclude(2)
    assert (len(world.lines), world.let_go()) == (2, [])
    assert await world.after(0.06) == [[2, 3]]
    world.conclude(2, 3)
    world.clock.now += 0.06
    assert world.let_go() == []
    assert await world.after(0.06) == [[2, 3]]


def test_notices_of_a_shard_that_went_away_are_dropped():
    gone = owned()
    world = World(start("c"), end("p"), shard=gone)
    gone.phase = Phase.GONE
    assert world.let_go() == []
    assert len(world.lines) == 0


def test_room_is_told_of_once_few_are_left():
    world = World(end("p"), end("p"))
    assert not world.lines.room.is_set()
    world.let_go()
    world.conclude()
    assert world.lines.room.is_set()
