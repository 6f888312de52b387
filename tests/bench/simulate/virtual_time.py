"""Time that jumps from one event to the next: nobody sleeps, and every run is the same."""

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class VirtualTime:
    """The clock of a simulated cluster, and what will happen when. Satisfies the coordinator's
    `Clock`."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Action]] = []
        self._count = 0

    def now_us(self) -> int:
        """Virtual microseconds since the simulation began."""
        return int(self.now * 1e6)

    def monotonic(self) -> float:
        """Virtual seconds since the simulation began; above zero, as on a real machine."""
        return 1.0 + self.now

    def after(self, delay_s: float, action: Action) -> None:
        """Let something happen later; what falls on one instant happens in the order given."""
        self._count += 1
        heapq.heappush(self._events, (self.now + delay_s, self._count, action))

    def run(self, until_s: float) -> None:
        """Let everything happen up to an instant."""
        events = self._events
        while events and events[0][0] <= until_s:
            self.now, _, action = heapq.heappop(events)
            action()
        self.now = until_s
