"""The order of what one tenant waits for: levels of priority, deadlines within a level, ageing.

An attempt climbs one level for every `ageing_s` that it waits, without an end: so one of priority p
is overtaken by those of priority q only if they come within (q - p) * `ageing_s` after it, and
nothing starves. All of a level age alike, so nothing is moved: the head of a level is its oldest,
and only heads are compared. Within a level, climbed ones included, those with a deadline come
first, the earliest one before the others; the rest are first in, first out.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Generic, Protocol, TypeVar

_LOOKED_AT = 100
"""How many of a level are looked at to find its oldest: wide ones go to the end and stay old."""


class Waiting(Protocol):
    """What is queued."""

    since: float
    """When it began to wait."""


EntryT = TypeVar("EntryT", bound=Waiting)


class Level(Generic[EntryT]):
    """What waits at one priority: those with a deadline as a heap, the others in a row."""

    __slots__ = ("row", "timed")

    def __init__(self, row: deque[EntryT] | None = None) -> None:
        self.row: deque[EntryT] = deque() if row is None else row
        self.timed: list[tuple[float, int, EntryT]] = []

    def __bool__(self) -> bool:
        return bool(self.row or self.timed)


class Line(Generic[EntryT]):
    """What one tenant waits for in one queue. `depth` counts attempts, `deficit` is how many more
    the tenant may have in this turn."""

    __slots__ = ("_at", "_count", "_levels", "_timed", "deficit", "depth", "tenant", "weight")

    def __init__(self, tenant: str, weight: float) -> None:
        self.tenant = tenant
        self.weight = weight
        self.depth = 0
        self.deficit = 0.0
        self._levels: dict[int, Level[EntryT]] = {}
        self._count = 0
        self._at = 0
        self._timed = False

    def take_over(self, level: int, row: deque[EntryT], depth: int) -> None:
        """Begin with what waited in a plain row."""
        self._levels[level] = Level(row)
        self.depth = depth

    def add(self, entry: EntryT, level: int, due: float) -> None:
        """Queue an entry; `due` is 0 if it has no deadline."""
        known = self._levels.get(level)
        if known is None:
            known = self._levels[level] = Level()
        if due:
            self._count += 1
            heappush(known.timed, (due, self._count, entry))
        else:
            known.row.append(entry)

    def peek(self, now: float, ageing_s: float) -> EntryT | None:
        """The one whose turn it is; O(levels)."""
        best: tuple[float, bool, float, float] | None = None
        chosen: EntryT | None = None
        for number, level in self._levels.items():
            if level.timed:
                due, _, head = level.timed[0]
                rank = (number + (now - head.since) // ageing_s, True, -due, -head.since)
                if best is None or rank > best:
                    best, chosen, self._at, self._timed = rank, head, number, True
            if level.row:
                head = level.row[0]
                rank = (number + (now - head.since) // ageing_s, False, 0.0, -head.since)
                if best is None or rank > best:
                    best, chosen, self._at, self._timed = rank, head, number, False
        return chosen

    def drop(self) -> None:
        """Remove the one that `peek` gave."""
        level = self._levels[self._at]
        if self._timed:
            heappop(level.timed)
        else:
            level.row.popleft()
        if not level:
            del self._levels[self._at]

    def move_back(self) -> None:
        """Send the one that `peek` gave behind its equals."""
        level = self._levels[self._at]
        if self._timed:
            due, _, entry = heappop(level.timed)
            self._count += 1
            heappush(level.timed, (due, self._count, entry))
        else:
            level.row.rotate(-1)

    def top_level(self, now: float, ageing_s: float) -> float:
        """The level of the one whose turn it is."""
        head = self.peek(now, ageing_s)
        return -1 if head is None else self._at + (now - head.since) // ageing_s

    def entries(self) -> Iterator[tuple[int, EntryT]]:
        """Everything that waits with its priority, the most urgent level first; O(entries)."""
        for number in sorted(self._levels, reverse=True):
            level = self._levels[number]
            for _, _, entry in sorted(level.timed, key=lambda one: one[:2]):
                yield number, entry
            for entry in level.row:
                yield number, entry

    def oldest(self) -> float | None:
        """When the longest waiting one began to wait, as far as the first of each level tell."""
        found = [
            entry.since
            for level in list(self._levels.values())
            for entry in (
                *(timed[2] for timed in level.timed[:_LOOKED_AT]),
                *islice(level.row, _LOOKED_AT),
            )
        ]
        return min(found, default=None)
