"""Runs that a schedule waits for are told of when they end, whoever had their shard meanwhile."""

from types import SimpleNamespace

from penstock.coordinator.shell.live import Executions, Shard
from penstock.coordinator.shell.schedules.ends import Ends


class World:
    def __init__(self) -> None:
        self.looks = 0
        self.executions = Executions()
        self.ends = Ends(self.executions, self.look_again)

    def look_again(self) -> None:
        self.looks += 1


def test_a_run_at_rest_is_told_when_it_ends():
    world, shard = World(), Shard(1, 1, 0)
    world.ends.watch("run", shard)
    looks = world.looks
    (waiter,) = shard.absent["run"]
    waiter.on_ended(SimpleNamespace(), SimpleNamespace())
    assert world.looks == looks + 1


def test_a_run_is_watched_once():
    world, shard = World(), Shard(1, 1, 0)
    world.ends.watch("run", shard)
    world.ends.watch("run", shard)
    assert len(shard.absent["run"]) == 1


def test_a_run_that_was_watched_in_a_shard_that_went_is_watched_in_the_one_that_came():
    world, gone, back = World(), Shard(1, 1, 0), Shard(1, 3, 0)
    world.ends.watch("run", gone)
    world.ends.watch("run", back)
    looks = world.looks
    (waiter,) = back.absent["run"]
    waiter.on_ended(SimpleNamespace(), SimpleNamespace())
    assert world.looks == looks + 1


def test_the_shard_that_went_does_not_take_the_watch_along():
    world, gone, back = World(), Shard(1, 1, 0), Shard(1, 3, 0)
    world.ends.watch("run", gone)
    (old,) = gone.absent["run"]
    world.ends.watch("run", back)
    old.on_failed(SimpleNamespace())
    world.ends.watch("run", back)
    assert len(back.absent["run"]) == 1
