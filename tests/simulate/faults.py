"""Makes happen what a script says goes wrong, and heals it: whatever a fault does to the cluster
ends with it, except what a jump does to a clock.
"""

import asyncio
from collections import Counter
from typing import Any

from simulate.cluster import Cluster
from simulate.script import Fault
from support.simulated.database import HEALTHY


class Faults:
    """The faults of a run. `done` counts those that took place, by kind."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._fabric = cluster.fabric
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        """Let everything go wrong in its time; returns once all is well again."""
        async with asyncio.TaskGroup() as tasks:
            for fault in self._cluster.script.faults:
                tasks.create_task(self._live(fault))

    async def _live(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at_s)
        self.done[fault.kind] += 1
        self._fabric.trail.append(f"-- {fault} --")
        await getattr(self, f"_{fault.kind}")(fault)
        self._fabric.trail.append(f"-- over: {fault.kind} {' '.join(fault.where)} --")

    async def _kill(self, fault: Fault) -> None:
        """SIGKILL; a successor comes up after a while."""
        (place,) = fault.where
        if place in self._cluster.here:
            self._cluster.here[place].kill()
        await asyncio.sleep(fault.lasts_s)
        self._cluster.begin(place)

    async def _stop(self, fault: Fault) -> None:
        """SIGTERM; a successor comes up once the process has left and a while has passed."""
        (place,) = fault.where
        process = self._cluster.here.get(place)
        if process is not None:
            process.inside["stop"].set()
            for _ in range(300):
                if not process.alive:
                    break
                await asyncio.sleep(0.1)
            else:
                self._fabric.faults.append(f"{process.name} did not leave within 30 s")
                process.kill()
        await asyncio.sleep(min(fault.lasts_s, 1.0))
        self._cluster.begin(place)

    async def _freeze(self, fault: Fault) -> None:
        """SIGSTOP, then SIGCONT."""
        process = self._cluster.here.get(fault.where[0])
        if process is None or not process.alive:
            return
        process.freeze()
        await asyncio.sleep(fault.lasts_s)
        process.thaw()

    async def _cut(self, fault: Fault) -> None:
        """Nothing crosses between two places, one way or both."""
        one, other = fault.where
        links = [link for way, link in (("there", (one, other)), ("back", (other, one)))
                 if fault.how in ("both", way)]  # fmt: skip
        for link in links:
            self._fabric.links.cut(*link)
        await asyncio.sleep(fault.lasts_s)
        for link in links:
            self._fabric.links.mend(*link)

    async def _slow(self, fault: Fault) -> None:
        one, other = fault.where
        slow = self._fabric.links.slow
        slow[(one, other)] = slow[(other, one)] = fault.how
        await asyncio.sleep(fault.lasts_s)
        slow.pop((one, other), None)
        slow.pop((other, one), None)

    async def _break(self, fault: Fault) -> None:
        """Every call between two places ends at this instant."""
        one, other = fault.where
        process = self._cluster.here.get(one)
        for call in list(process.calls) if process is not None else ():
            ends: Any = call
            if other in (ends.client.place, ends.server.place):
                call.sever(None)

    async def _clock(self, fault: Fault) -> None:
        """A wall clock is set."""
        (place,) = fault.where
        jump_us = round(fault.how * 1e6)
        skews = self._cluster.skews_us
        skews[place] = skews.get(place, 0) + jump_us
        process = self._cluster.here.get(place)
        if place == "database":
            process = self._cluster.database.process
        if process is not None:
            process.skew_us += jump_us

    async def _database(self, fault: Fault) -> None:
        database = self._cluster.database
        database.phase = fault.how
        await asyncio.sleep(fault.lasts_s)
        database.phase = HEALTHY

    async def _bus(self, fault: Fault) -> None:
        bus = self._cluster.bus
        if fault.how == "connection lost":
            for place in fault.where:
                bus.drop(place)
            return
        if fault.how == "wiped while running":
            bus.wipe()
            return
        bus.stop()
        if fault.how == "wiped":
            bus.wipe()
        await asyncio.sleep(fault.lasts_s)
        bus.start()
