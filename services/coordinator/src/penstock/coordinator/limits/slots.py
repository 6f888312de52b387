"""A concurrency key: who holds its slots and who waits for one."""

import msgspec

from penstock.coordinator.limits.line import Line
from penstock.coordinator.limits.permits import Ask, PermitId, SlotRule, Verdict


class Holding(msgspec.Struct):
    """One slot. `until_us`: nobody vouches for it any more, and by then it is certain to be over;
    0 while somebody does. `evicted`: its holder was told to end."""

    ask: Ask
    until_us: int = 0
    evicted: bool = False


class Slots:
    """At most `limit` at once. Everybody asks under an own limit; who is first in line decides,
    nobody overtakes."""

    def __init__(self) -> None:
        self.holders: dict[PermitId, Holding] = {}
        self.line = Line()
        self._skipping = 0
        self._cancelling = 0
        self._doubted = False
        self._again: list[tuple[Ask, Verdict]] = []

    @property
    def idle(self) -> bool:
        """True if nothing would be forgotten with it."""
        return not self.holders and not self.line

    def ask(self, ask: Ask) -> None:
        """Join the line; one who holds it already is told so again."""
        holding = self.holders.get(ask.permit)
        if holding is not None:
            self.holders[ask.permit] = Holding(ask, evicted=holding.evicted)
            self._again.append((ask, Verdict.GRANTED))
            return
        if ask.permit not in self.line:
            self._count(ask, 1)
        self.line.add(ask)

    def hold(self, ask: Ask) -> None:
        """It is said to be held: a fact, whatever the limit."""
        self._leave(ask.permit)
        self.holders[ask.permit] = Holding(ask)

    def doubt(self, permit: PermitId, until_us: int) -> None:
        """Nobody vouches for it any more; by then it is certain to be over."""
        holding = self.holders.get(permit)
        if holding is not None and not holding.until_us:
            holding.until_us = until_us
            self._doubted = True

    def give_back(self, permit: PermitId) -> None:
        """It is held and wanted no longer."""
        self.holders.pop(permit, None)
        self._leave(permit)

    def _leave(self, permit: PermitId) -> None:
        ask = self.line.get(permit)
        if ask is not None:
            self._count(ask, -1)
            self.line.discard(permit)

    def _count(self, ask: Ask, by: int) -> None:
        mode = _rule(ask).on_full
        self._skipping += by if mode == "skip" else 0
        self._cancelling += by if mode == "cancel" else 0

    def serve(self, now_us: int) -> list[tuple[Ask, Verdict]]:
        """Who gets a slot now, who is turned away, who must go."""
        if self._doubted:
            over = [p for p, each in self.holders.items() if 0 < each.until_us <= now_us]
            for permit in over:
                del self.holders[permit]
            self._doubted = any(each.until_us for each in self.holders.values())
        told, self._again = self._again, []
        while (ask := self.line.first()) is not None and len(self.holders) < _rule(ask).limit:
            self._leave(ask.permit)
            self.holders[ask.permit] = Holding(ask)
            told.append((ask, Verdict.GRANTED))
        if self._skipping:
            for ask in [each for each in self.line if _rule(each).on_full == "skip"]:
                if self._stands_in_its_own_way(ask):
                    continue
                self._leave(ask.permit)
                told.append((ask, Verdict.REFUSED))
        if self._cancelling:
            told.extend(self._evict())
        return told

    def _stands_in_its_own_way(self, ask: Ask) -> bool:
        """True if the execution holds a slot from before its coordinator died: once that is over it
        gets it again."""
        return any(permit.execution_id == ask.permit.execution_id for permit in self.holders)

    def _evict(self) -> list[tuple[Ask, Verdict]]:
        """Tell the oldest holders to go, one for each who wants a place in this way."""
        going = sum(each.evicted for each in self.holders.values())
        oldest = sorted(
            (each for each in self.holders.values() if not each.evicted and not each.until_us),
            key=lambda each: (each.ask.since_us, each.ask.permit),
        )
        chosen = oldest[: max(0, self._cancelling - going)]
        for holding in chosen:
            holding.evicted = True
        return [(holding.ask, Verdict.EVICTED) for holding in chosen]

    def lets_through(self, now_us: int) -> bool:
        """True if who is first in line gets a slot as soon as somebody looks."""
        ask = self.line.first()
        over = sum(0 < each.until_us <= now_us for each in self.holders.values())
        return ask is not None and len(self.holders) - over < _rule(ask).limit

    def next_us(self) -> int:
        """When time alone changes something, 0 for never."""
        if not self._doubted:
            return 0
        return min((x.until_us for x in self.holders.values() if x.until_us), default=0)


def _rule(ask: Ask) -> SlotRule:
    rule = ask.rule
    return rule if isinstance(rule, SlotRule) else SlotRule(1)
