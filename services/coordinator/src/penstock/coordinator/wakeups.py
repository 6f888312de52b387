"""When each of many things wants to be looked at again: one heap, one time per key.

A key whose time moved leaves its old entry behind, which is recognised when it surfaces; the heap
is rebuilt when the stale ones outnumber the rest. It knows no clock.
"""

import heapq
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_STALE_MIN = 1024


class Wakeups(Generic[K]):
    """The next time of each key. Keys must have an order among themselves."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, Any]] = []
        self._due: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: K) -> bool:
        return key in self._due

    def set(self, key: K, at_us: int) -> bool:
        """Wake `key` at `at_us` instead of what was set before; 0 for never. True if nothing else
        is due before. O(log n)."""
        if at_us == 0:
            if self._due.pop(key, None) is not None:
                self._drop_stale()
            return False
        if self._due.get(key) == at_us:
            return False
        self._due[key] = at_us
        is_first = not self._heap or at_us < self._heap[0][0]
        heapq.heappush(self._heap, (at_us, key))
        self._drop_stale()
        return is_first

    def _drop_stale(self) -> None:
        if len(self._heap) > _STALE_MIN + 2 * len(self._due):
            self._heap = [(at, key) for key, at in self._due.items()]
            heapq.heapify(self._heap)

    def next_us(self) -> int:
        """The earliest time, 0 if there is none."""
        heap, due = self._heap, self._due
        while heap and due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else 0

    def take_due(self, now_us: int) -> list[K]:
        """Remove and return all keys whose time has come, earliest first."""
        found: list[K] = []
        while (at_us := self.next_us()) and at_us <= now_us:
            key = heapq.heappop(self._heap)[1]
            del self._due[key]
            found.append(key)
        return found
