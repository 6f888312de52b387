"""What lies between two places of a simulated network: it may be cut, one way or both, and slow.

A message that would cross a cut link is not lost, for TCP says it again: it arrives some time after
the link is whole. If that takes long, both ends give the connection up, each in its own time.
"""

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from support.simulated.fabric import Fabric, Process

Link = tuple[str, str]
"""From a place to another."""

KEEPALIVE_S = (5.0, 15.0)
"""When a connection across a cut link is given up: gRPC asks after 10 s and waits for 5 s."""
REFUSED_S = (0.05, 3.0)
"""When an attempt to connect across one is."""
AGAIN_S = (0.01, 0.4)
"""When what was said across a cut link is said again after that is whole."""


class Stuck(Protocol):
    """One direction of a call, with messages that cannot arrive."""

    def deliver_again(self, at: float) -> None: ...


class Links:
    """Which links are cut or slow."""

    def __init__(self, fabric: "Fabric") -> None:
        self._fabric = fabric
        self.cuts: dict[Link, None] = {}
        self.slow: dict[Link, float] = {}
        self._stuck: dict[Link, dict[Stuck, None]] = {}

    def is_cut(self, sender: "Process", receiver: "Process") -> bool:
        """True if nothing goes from one to the other."""
        return bool(self.cuts) and (sender.place, receiver.place) in self.cuts

    def parted(self, one: "Process", other: "Process") -> bool:
        """True if no conversation between the two is possible."""
        return self.is_cut(one, other) or self.is_cut(other, one)

    def extra_s(self, sender: "Process", receiver: "Process") -> float:
        """By how much a message is late because the link is slow."""
        if not self.slow:
            return 0.0
        return self.slow.get((sender.place, receiver.place), 0.0)

    def hold(self, sender: "Process", receiver: "Process", pipe: Stuck) -> None:
        """A message cannot cross: it waits for the link."""
        self._stuck.setdefault((sender.place, receiver.place), {})[pipe] = None

    def cut(self, sender: str, receiver: str) -> None:
        """From now on nothing gets from one place to the other."""
        self.cuts[(sender, receiver)] = None
        for process in self._fabric.processes:
            if process.alive and process.place in (sender, receiver):
                for call in list(process.calls):
                    call.starve(KEEPALIVE_S, {sender, receiver})

    def mend(self, sender: str, receiver: str) -> None:
        """The link is whole: what waits for it arrives, in order, a while later."""
        self.cuts.pop((sender, receiver), None)
        loop = asyncio.get_running_loop()
        for pipe in self._stuck.pop((sender, receiver), ()):
            pipe.deliver_again(loop.time() + self._fabric.rng.uniform(*AGAIN_S))

    def mend_all(self) -> None:
        """Every link is whole and quick."""
        self.slow.clear()
        for sender, receiver in list(self.cuts):
            self.mend(sender, receiver)
