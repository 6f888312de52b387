"""A rate key: never more than `limit` beginnings in any span of `per_us`.

What began within the last span is remembered exactly, or, of a high limit, in a thousand parts of a
span that each count as if all had begun at the end of the part: so what is granted is never too
much, and at most a thousandth of a span too late. Nothing is saved up: a key that was quiet for
an hour grants `limit`, not more.
"""

from collections import deque

from penstock.coordinator.limits.line import Line
from penstock.coordinator.limits.permits import Ask, PermitId, RateRule, Verdict

_PARTS = 1_000
WAITED_OUT_US = 60_000_000
"""After the death of a key's owner a span up to this long is waited out; of a longer one the limit
comes back evenly."""


class Window:
    """The beginnings within the last span."""

    def __init__(self, blind_us: int | None = None) -> None:
        """`blind_us`: nothing is known of what began before; None if nothing did."""
        self.line = Line()
        self._begun: deque[list[int]] = deque()
        self._count = 0
        self._blind_us = blind_us
        self._per_us = 0
        self.rule: RateRule | None = None

    @property
    def idle(self) -> bool:
        """True if nothing would be forgotten with it."""
        return not self.line and not self._begun

    def used(self, now_us: int, rule: RateRule) -> int:
        """How many of the limit are taken now."""
        self._look_back(now_us, rule)
        return self._count

    def ask(self, ask: Ask) -> None:
        """Join the line."""
        self.rule = _rule(ask)
        self.line.add(ask)

    def hold(self, ask: Ask) -> None:
        """Nobody holds a beginning."""

    def give_back(self, permit: PermitId) -> None:
        """Wanted no longer; what has begun has begun."""
        self.line.discard(permit)

    def serve(self, now_us: int) -> list[tuple[Ask, Verdict]]:
        """Who may begin now."""
        told: list[tuple[Ask, Verdict]] = []
        if not self.line and self._begun and self.next_us() <= now_us:
            self._begun.clear()
            self._count = 0
        while (ask := self.line.first()) is not None:
            rule = _rule(ask)
            self._look_back(now_us, rule)
            if self._count >= rule.limit:
                break
            self.line.discard(ask.permit)
            self._note(now_us, rule)
            told.append((ask, Verdict.GRANTED))
        return told

    def lets_through(self, now_us: int) -> bool:
        """True if who is first in line may begin as soon as somebody looks."""
        ask = self.line.first()
        return ask is not None and self.used(now_us, _rule(ask)) < _rule(ask).limit

    def _look_back(self, now_us: int, rule: RateRule) -> None:
        """Forget what began before the span; of several spans under one key, the longest."""
        self._per_us = max(self._per_us, rule.per_us)
        if self._blind_us is not None:
            self._assume_full(rule, self._blind_us)
            self._blind_us = None
        begun = self._begun
        while begun and begun[0][1] + self._per_us <= now_us:
            self._count -= begun.popleft()[2]

    def _assume_full(self, rule: RateRule, since: int) -> None:
        """The owner before may have granted all of it until the moment it died."""
        if rule.per_us <= WAITED_OUT_US:
            self._begun.append([since, since, rule.limit])
        else:
            parts = min(rule.limit, _PARTS)
            for part in range(parts):
                at = since - rule.per_us + rule.per_us * (part + 1) // parts
                share = rule.limit * (part + 1) // parts - rule.limit * part // parts
                self._begun.append([at, at, share])
        self._count = rule.limit

    def _note(self, now_us: int, rule: RateRule) -> None:
        begun = self._begun
        self._count += 1
        if rule.limit > _PARTS and begun and now_us - begun[-1][0] < rule.per_us // _PARTS:
            begun[-1][1] = now_us
            begun[-1][2] += 1
        else:
            begun.append([now_us, now_us, 1])

    def next_us(self) -> int:
        """When time alone changes something, 0 for never."""
        if not self._begun:
            return 0
        decisive = self._begun[0] if self.line else self._begun[-1]
        return decisive[1] + self._per_us


def _rule(ask: Ask) -> RateRule:
    rule = ask.rule
    return rule if isinstance(rule, RateRule) else RateRule(1, 1)
