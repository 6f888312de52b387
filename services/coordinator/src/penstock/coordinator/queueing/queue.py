"""One queue: attempts of one kind, of all tenants.

As long as there is one tenant, no deadline and the usual priority, it is a plain row. Otherwise
each tenant has a line in order of urgency, and lines are served by deficit round robin (Shreedhar
and Varghese, 1995): on its turn a tenant may have `QUANTUM` attempts times its weight, and what it
takes too much is missing at its next turn. So each gets its share whatever the others queue, and a
choice costs O(1) in the number of tenants. A priority orders a tenant's own work and nobody else's.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Generic

from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.queueing.order import EntryT, Line
from penstock.workflow.policies import PRIORITY_USUAL

QUANTUM = 32
"""Attempts a tenant of weight 1 may have in a row: as many as one execution may."""
_LOOKED_AT = 100


class FairRules:
    """How tenants and priorities are weighed, for all queues. `weights` are shares by tenant, 1 for
    those not named; an attempt climbs a level every `ageing_s`."""

    __slots__ = ("ageing_s", "weights")

    def __init__(self, ageing_s: float, weights: Mapping[str, float]) -> None:
        self.ageing_s = ageing_s
        self.weights = dict(weights)


class KindQueue(Generic[EntryT]):
    """Attempts of one kind. While `lines` is None, everything is in `row` and of `tenant`. `depth`
    counts attempts, `served_at` is when it last had its turn."""

    __slots__ = ("_rotation", "_rules", "depth", "kind", "lines", "row", "served_at", "tenant")

    def __init__(self, kind: Kind, tenant: str, rules: FairRules, served_at: int) -> None:
        self.kind = kind
        self.tenant = tenant
        self.served_at = served_at
        self.depth = 0
        self.row: deque[EntryT] = deque()
        self.lines: dict[str, Line[EntryT]] | None = None
        self._rotation: deque[Line[EntryT]] = deque()
        self._rules = rules

    def __bool__(self) -> bool:
        return bool(self.row if self.lines is None else self.lines)

    @property
    def only_tenant(self) -> str | None:
        """Whose attempts wait, if they are all of one tenant."""
        if self.lines is None:
            return self.tenant
        return next(iter(self.lines)) if len(self.lines) == 1 else None

    def add(self, entry: EntryT, count: int, tenant: str, level: int, due: float) -> None:
        """Queue `count` attempts in order of urgency; amortised O(log attempts)."""
        lines = self.lines
        if lines is None:
            lines = self.lines = {}
            if self.row:
                self._line(self.tenant).take_over(PRIORITY_USUAL, self.row, self.depth)
                self.row = deque()
        line = lines.get(tenant) or self._line(tenant)
        line.add(entry, level, due)
        line.depth += count
        self.depth += count

    def _line(self, tenant: str) -> Line[EntryT]:
        assert self.lines is not None
        weight = self._rules.weights.get(tenant, 1.0)
        line: Line[EntryT] = Line(tenant, weight)
        self.lines[tenant] = line
        self._rotation.append(line)
        if len(self._rotation) == 1:
            line.deficit = QUANTUM * weight
        return line

    def peek(self, now: float) -> EntryT | None:
        """The entry whose turn it is."""
        if self.lines is None:
            return self.row[0] if self.row else None
        if not self._rotation:
            return None
        rotation = self._rotation
        while len(rotation) > 1 and rotation[0].deficit <= 0:
            rotation.rotate(-1)
            rotation[0].deficit += QUANTUM * rotation[0].weight
        return rotation[0].peek(now, self._rules.ageing_s)

    def took(self, count: int, *, all_of_it: bool, charged: bool = True) -> None:
        """So many attempts of the entry that `peek` gave are gone; `all_of_it`: none are left. What
        was void is not charged to its tenant."""
        self.depth -= count
        if self.lines is None:
            if all_of_it:
                self.row.popleft()
            else:
                self.row.rotate(-1)
            return
        line = self._rotation[0]
        line.depth -= count
        if charged and len(self._rotation) > 1:
            line.deficit -= count
        if not all_of_it:
            line.move_back()
            return
        line.drop()
        if not line.depth:
            self._rotation.popleft()
            del self.lines[line.tenant]
            if self._rotation:
                self._rotation[0].deficit += QUANTUM * self._rotation[0].weight

    def top_level(self, now: float) -> float:
        """The level, climbed ones included, of the entry whose turn it is."""
        if self.lines is None:
            waited = now - self.row[0].since if self.row else 0.0
            return PRIORITY_USUAL + waited // self._rules.ageing_s
        return self._rotation[0].top_level(now, self._rules.ageing_s) if self._rotation else -1

    def depth_of(self, tenant: str) -> int:
        """How many attempts of a tenant wait."""
        if self.lines is None:
            return self.depth if tenant == self.tenant else 0
        line = self.lines.get(tenant)
        return line.depth if line is not None else 0

    def entries(self, tenant: str) -> Iterator[tuple[int, EntryT]]:
        """What waits of a tenant with its priority, roughly in its order; O(entries)."""
        if self.lines is not None:
            line = self.lines.get(tenant)
            yield from line.entries() if line is not None else ()
        elif tenant == self.tenant:
            for entry in self.row:
                yield PRIORITY_USUAL, entry

    def oldest(self, tenant: str | None = None) -> float | None:
        """When the longest waiting entry began to wait, of one tenant or of all."""
        if self.lines is None:
            if tenant is not None and tenant != self.tenant:
                return None
            first = list(islice(self.row, _LOOKED_AT))
            return min((entry.since for entry in first), default=None)
        some = [line for line in list(self.lines.values()) if tenant in (None, line.tenant)]
        found = [since for line in some if (since := line.oldest()) is not None]
        return min(found, default=None)
