"""Waiting in line: the more urgent first, then who asked first."""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from penstock.coordinator.limits.permits import Ask, PermitId

_STALE_MIN = 64


class Line:
    """Who waits under one key. O(log n) to join and to go."""

    def __init__(self) -> None:
        self._asks: dict[PermitId, Ask] = {}
        self._heap: list[tuple[int, int, PermitId]] = []

    def __len__(self) -> int:
        return len(self._asks)

    def __contains__(self, permit: PermitId) -> bool:
        return permit in self._asks

    def __iter__(self) -> Iterator[Ask]:
        """In the order of the line; O(n log n)."""
        return iter(sorted(self._asks.values(), key=_place))

    def get(self, permit: PermitId) -> Ask | None:
        """What somebody in line asks for."""
        return self._asks.get(permit)

    def add(self, ask: Ask) -> None:
        """Join; one who is there already keeps the place and may ask for something else."""
        known = self._asks.get(ask.permit)
        self._asks[ask.permit] = ask
        if known is None or _place(known) != _place(ask):
            heappush(self._heap, _place(ask))

    def discard(self, permit: PermitId) -> bool:
        """Leave; True if it was there."""
        if self._asks.pop(permit, None) is None:
            return False
        if len(self._heap) > _STALE_MIN + 2 * len(self._asks):
            self._heap = [_place(ask) for ask in self._asks.values()]
            heapify(self._heap)
        return True

    def first(self) -> Ask | None:
        """Whose turn it is."""
        heap = self._heap
        while heap:
            ask = self._asks.get(heap[0][2])
            if ask is not None and _place(ask) == heap[0]:
                return ask
            heappop(heap)
        return None


def _place(ask: Ask) -> tuple[int, int, PermitId]:
    return -ask.urgency, ask.since_us, ask.permit
