"""A coordinator of `limit_world`: its limits, what it believes to have, its messages."""

from collections import deque
from typing import TYPE_CHECKING

from penstock.coordinator.limits.permits import Told, Verdict
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.live import Shard

if TYPE_CHECKING:
    from support.coordinator.limit_world import World

TTL_S = 5.0
FENCE_S = 8.0
SHARDS = 4


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def now_us(self) -> int:
        return round(self.now * 1e6)


class Run:
    """An attempt that a worker works on, told to by a coordinator."""

    def __init__(self, by: "Node", heard: float) -> None:
        self.by = by
        self.heard = heard
        self.cancelled = False


class Node:
    """A coordinator: its limits, the shards it believes to have, its messages."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.limits = ClusterLimits(name, world.time, self, FENCE_S)
        self.limits.peers = self
        self.limits.on_told = self.on_told
        self.shards: dict[int, Shard] = {}
        self.renewed = 0.0
        self.due_us = 0
        self.alive = True
        self.out: dict[str, deque] = {}
        self.back: dict[str, deque] = {}

    def holds(self) -> bool:
        return self.world.time.now < self.renewed + TTL_S

    def turn(self) -> None:
        """What the loop does: it sleeps until something arrives or what was due after its last
        turn."""
        now_us = self.world.time.now_us()
        if self.limits.stirred or 0 < self.due_us <= now_us:
            self.limits.turn()
            self.due_us = self.limits.due_us()

    # Peers: what goes out waits until the world delivers it.

    def send(self, coordinator_id: str, message) -> None:
        if coordinator_id in self.out:
            self.out[coordinator_id].append(message)

    def sync(self, coordinator_id: str, address: str) -> None:
        said = self.limits.sync_for(coordinator_id)
        self.out.setdefault(coordinator_id, deque()).append(said)

    def greet(self, coordinator_id: str, address: str) -> None:
        self.world.greetings.append((self.name, coordinator_id))

    def answer(self, told: Told) -> None:
        self.back.setdefault(told.who, deque()).append(told)

    def keep(self, members) -> None:
        self.out = {name: queue for name, queue in self.out.items() if name in members}

    def close(self) -> None:
        pass

    def on_told(self, told: Told) -> None:
        world = self.world
        work = world.work.get(told.permit.execution_id)
        mine = work is not None and work["shard"] in self.shards
        if not mine or work["attempt"] != told.permit.attempt or work["done"]:
            self.limits.claims.give_back(told.permit, told.key)
        elif told.verdict is Verdict.GRANTED and self.holds():
            world.begin(self, told.permit)
        elif told.verdict is Verdict.GRANTED:
            work["granted"] = True
