"""Which worker gets what. Pure: knows credits, nothing of streams or executions.

Workers that take the same tasks are one `Team`, which always knows its least filled member: a heap
of how full each one will be with one more task. A task handed out makes its entry too low, which is
found and mended when the entry comes to the top; a task given back makes it too high, so a member
that got tasks back puts itself on a list that is taken in before the next choice. So a choice costs
O(log members), with a few members or thousands, and the list is as long as the number of workers
that reported, not of tasks.

A coordinator sees its own tasks only, and others use the same workers. So coordinators share them
out: each has workers that are its own, which it knows well, and goes to a worker of another
(`away`) only if that one says that it is much less busy. What is equally full takes turns, instead
of the first one getting everybody's next task.
"""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, Protocol, TypeVar

from penstock.coordinator.queueing.kinds import Amounts
from penstock.coordinator.queueing.ledger import Ledger
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan

CHUNK_MAX = 32
"""Attempts of one execution handed to one worker before the next execution has its turn."""

WIDE_CHILDREN = 16
"""A node with more children than this is a fan-out by hand: its children go to all workers."""

RUN_MAX = 32
_RUN_SHARE = 4
"""Executions that follow each other go to one worker, up to this part of what it holds: a busy
worker's message then carries many tasks instead of one, and an idle one's still only one."""

_AWAY_SHARE = 2.0
_AWAY_TASKS = 4
"""A task goes to a worker of another coordinator if the own ones are so many times as full as that
one and have so many more: what it says of itself is old, and others hear it too."""

_FULL = 1e9
"""How full a worker counts that takes nothing more."""

_KEEP_SHARE = 1.25
"""An execution leaves the worker that has its data if that is so many times as full as another."""


class Seat:
    """A worker as placement sees it, with the same `name` for every coordinator.

    `free` is how many more tasks it takes of its `credits` (negative while it has more).
    `elsewhere` is what others gave it, told only if it is `away`. Whoever raises `free` or lowers
    `elsewhere` calls `ease`. `ledger` keeps the resources that it declared, `labels` say where and
    what it is.
    """

    __slots__ = (
        "away", "credits", "eased", "elsewhere", "entry", "free", "labels", "ledger", "name",
        "team",
    )  # fmt: skip

    def __init__(
        self,
        credit_count: int,
        labels: Mapping[str, str] | None = None,
        resources: Mapping[str, int] | None = None,
        name: str = "",
    ) -> None:
        self.name = name
        self.credits = credit_count
        self.labels = dict(labels or {})
        self.ledger = Ledger(resources or {})
        self.free = credit_count
        self.away = False
        self.elsewhere = 0
        self.team: Team[Seat] | None = None
        self.entry: tuple[float, int, Seat] | None = None
        self.eased = False

    def ease(self) -> None:
        """It is less full than its team believes; O(1)."""
        if not self.eased and self.team is not None:
            self.eased = True
            self.team.eased.append(self)


SeatT = TypeVar("SeatT", bound=Seat)
SeatT_co = TypeVar("SeatT_co", bound=Seat, covariant=True)


class Crew(Protocol[SeatT_co]):
    """Everybody who takes tasks of a kind."""

    def __len__(self) -> int:
        """How many they are."""
        ...

    def least(self) -> SeatT_co | None:
        """The least filled one that has room, rather an own one; None if nobody has."""
        ...

    def least_of_all(self) -> SeatT_co | None:
        """The same, own or not: for what is wide enough for all of them."""
        ...

    def keeps(self, seat: Seat) -> bool:
        """Whether an execution may stay with this worker: it is one of them, has room, and is not
        much fuller than the least filled one."""
        ...

    def home_of(self, key: str) -> SeatT_co | None:
        """Where work with this key belongs; None if it cannot go there."""
        ...

    def claim(self) -> None:
        """Something of this kind has waited for long for resources: see that it gets them."""
        ...

    def settle(self) -> None:
        """It waits no more."""
        ...


class Team(Generic[SeatT]):
    """Workers that take exactly the same tasks: a crew by itself, or a part of some."""

    def __init__(self) -> None:
        self.eased: list[Seat] = []
        self._members: dict[SeatT, None] = {}
        self._only: SeatT | None = None
        self._heap: list[tuple[float, int, SeatT]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._members)

    def add(self, seat: SeatT) -> None:
        """It takes tasks from now on; O(log members)."""
        if seat.team is self:
            return
        self._members[seat] = None
        seat.team = self  # type: ignore[assignment]
        seat.eased = False
        self._push(seat)
        self._see_who_is_alone()

    def remove(self, seat: SeatT) -> None:
        """It takes no more; O(1), its entry goes when it surfaces."""
        if seat.team is not self:
            return
        del self._members[seat]
        seat.team = seat.entry = None
        self._see_who_is_alone()

    def _see_who_is_alone(self) -> None:
        self._only = next(iter(self._members)) if len(self._members) == 1 else None

    def least(self) -> SeatT | None:
        """The least filled member that has room, the longest waiting of equals."""
        only = self._only
        if only is not None:
            return only if only.free > 0 else None
        if self.eased:
            self._take_in_eased()
        heap = self._heap
        while heap:
            entry = heap[0]
            seat = entry[2]
            if seat.entry is not entry:
                heappop(heap)
                continue
            most, free = seat.credits, seat.free
            fill = (most - free + 1 + seat.elsewhere) / most if free > 0 else _FULL
            if fill == entry[0]:
                return seat if free > 0 else None
            self._count += 1
            entry = (fill, self._count, seat)
            seat.entry = entry
            heapreplace(heap, entry)
        return None

    least_of_all = least

    def keeps(self, seat: Seat) -> bool:
        """Whether an execution may stay with this member."""
        if seat.team is not self or seat.free <= 0:
            return False
        if self._only is not None:
            return True
        return not is_fuller(seat, self.least())

    def home_of(self, key: str) -> SeatT | None:
        """What has a key is asked of those who are choosy."""
        return None

    def claim(self) -> None:
        """There is nothing to claim but credits, and those come back one by one."""

    def settle(self) -> None:
        """Nothing was claimed."""

    def _take_in_eased(self) -> None:
        for seat in self.eased:
            if seat.team is self:
                seat.eased = False
                self._push(seat)  # type: ignore[arg-type]
        self.eased.clear()
        if len(self._heap) > 2 * len(self._members) + 32:
            self._heap = [entry for entry in self._heap if entry[2].entry is entry]
            heapify(self._heap)

    def _push(self, seat: SeatT) -> None:
        self._count += 1
        entry = (fill_of(seat), self._count, seat)
        seat.entry = entry
        heappush(self._heap, entry)


class Teams(Generic[SeatT]):
    """Several teams that all take tasks of a kind, this coordinator's own and others'; O(teams)."""

    def __init__(self, own: Sequence[Team[SeatT]], away: Sequence[Team[SeatT]] = ()) -> None:
        self._own = own
        self._away = away

    def __len__(self) -> int:
        return sum(len(team) for team in (*self._own, *self._away))

    def least(self) -> SeatT | None:
        """The least filled one that has room, rather an own one."""
        return rather_own(_least(self._own), _least(self._away))

    def least_of_all(self) -> SeatT | None:
        """The least filled one that has room, own or not."""
        return _least((*self._own, *self._away))

    def keeps(self, seat: Seat) -> bool:
        """Whether an execution may stay with this worker."""
        mine = any(seat.team is team for team in (*self._own, *self._away))
        return mine and seat.free > 0 and not is_fuller(seat, self.least())

    def home_of(self, key: str) -> SeatT | None:
        """What has a key is asked of those who are choosy."""
        return None

    def claim(self) -> None:
        """There is nothing to claim but credits, and those come back one by one."""

    def settle(self) -> None:
        """Nothing was claimed."""


def _least(teams: Sequence[Team[SeatT]]) -> SeatT | None:
    if len(teams) == 1:
        return teams[0].least()
    found = [seat for team in teams if (seat := team.least()) is not None]
    return min(found, key=fill_of, default=None)


def rather_own(near: SeatT | None, far: SeatT | None) -> SeatT | None:
    """The own one, unless it is so much fuller than another coordinator's that this one is worth
    the trouble."""
    if near is None or far is None:
        return near or far
    enough = _AWAY_SHARE * fill_of(far) + _AWAY_TASKS / near.credits
    return far if fill_of(near) > enough else near


def fill_of(seat: Seat) -> float:
    """How full it will be with one more task."""
    if seat.free <= 0:
        return _FULL
    return (seat.credits - seat.free + 1 + seat.elsewhere) / seat.credits


def is_fuller(seat: Seat, least: Seat | None) -> bool:
    """True if it is so much fuller than another that it is worth while to leave it."""
    return least is not None and fill_of(seat) > _KEEP_SHARE * fill_of(least)


def run_length(seat: Seat) -> int:
    """How many executions that follow each other go to a worker once it was chosen."""
    return min(RUN_MAX, max(1, (seat.credits - seat.free) // _RUN_SHARE))


def room_of(seat: Seat, amounts: Amounts) -> int:
    """How many more attempts that take so much it can have now."""
    return min(seat.free, seat.ledger.room_for(amounts)) if amounts else seat.free


def chunk_size(waiting: int, workers: int, free: int) -> int:
    """How many of an execution's `waiting` attempts the chosen worker gets at once: a fair share
    of them, so that a small fan-out spreads, and never more than it has room for."""
    return min(free, CHUNK_MAX, -(-waiting // workers))


def may_continue(plan: Plan, refs: Sequence[NodeRef]) -> bool:
    """Whether a worker that gets these attempts may go on to their children.

    Not when a child of theirs is one of many: those are worth more side by side on all workers
    than one after the other on this one.
    """
    nodes = plan.nodes
    if len(refs) == 1:
        return len(nodes[refs[0].node].children) <= WIDE_CHILDREN
    return all(len(nodes[ref.node].children) <= WIDE_CHILDREN for ref in refs)
