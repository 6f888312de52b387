"""A circuit breaker: after failures in a row nothing goes for a while, then probes.

Closed: everything goes, failures in a row are counted. Open: nothing goes until the time-out is
over. Half-open: as many at once as must succeed; the first failure opens it again, enough successes
close it. What is known lives with the key's owner and dies with it: then it is closed again and
counts anew. It does so too once nothing came through or asked for the time-out and ten minutes
more: by then even an open one lets the next through.
"""

from enum import StrEnum

from penstock.coordinator.limits.line import Line
from penstock.coordinator.limits.permits import Ask, BreakerRule, PermitId, Verdict

_REMEMBERED_US = 600_000_000
"""How long after its time-out a breaker that nobody uses is remembered."""


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One breaker."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self.line = Line()
        self.failures = 0
        self.successes = 0
        self.opened_us = 0
        self._used_us = 0
        self.rule = BreakerRule(1, 1, 0)
        self.passing: set[PermitId] = set()
        self._probes: set[PermitId] = set()

    @property
    def rests(self) -> bool:
        """True if nobody uses it at the moment."""
        return not self.line and not self.passing

    @property
    def idle(self) -> bool:
        """True if nothing would be forgotten with it."""
        return self.rests and self.state is BreakerState.CLOSED and not self.failures

    def ask(self, ask: Ask) -> None:
        """Join the line."""
        if isinstance(ask.rule, BreakerRule):
            self.rule = ask.rule
        self.line.add(ask)

    def hold(self, ask: Ask) -> None:
        """It went through, here or at an owner before."""
        self.line.discard(ask.permit)
        self.passing.add(ask.permit)

    def give_back(self, permit: PermitId) -> None:
        """Wanted no longer, or over without telling anything about the other side."""
        self.line.discard(permit)
        self.passing.discard(permit)
        self._probes.discard(permit)

    def heard(self, permit: PermitId, failed: bool, now_us: int) -> None:
        """Something that went through is over."""
        was_probe = permit in self._probes
        self.give_back(permit)
        self._used_us = now_us
        if self.state is BreakerState.HALF_OPEN and was_probe:
            if failed:
                self.trip(now_us)
            else:
                self.successes += 1
                if self.successes >= self.rule.successes:
                    self.reset()
        elif self.state is BreakerState.CLOSED:
            self.failures = self.failures + 1 if failed else 0
            if self.failures >= self.rule.failures:
                self.trip(now_us)

    def trip(self, now_us: int) -> None:
        """Open."""
        self.state = BreakerState.OPEN
        self.opened_us = self._used_us = now_us
        self.successes = 0
        self._probes.clear()

    def reset(self) -> None:
        """Close."""
        self.state = BreakerState.CLOSED
        self.failures = self.successes = 0
        self._probes.clear()

    def serve(self, now_us: int) -> list[tuple[Ask, Verdict]]:
        """Who may go through now, who is turned away."""
        if not self.rests:
            self._used_us = now_us
        if now_us >= self._forgets_us():
            self.reset()
        if self.state is BreakerState.OPEN and now_us >= self.opened_us + self.rule.timeout_us:
            self.state = BreakerState.HALF_OPEN
        told: list[tuple[Ask, Verdict]] = []
        while (ask := self.line.first()) is not None and self._has_room():
            self.line.discard(ask.permit)
            self.passing.add(ask.permit)
            if self.state is BreakerState.HALF_OPEN:
                self._probes.add(ask.permit)
            told.append((ask, Verdict.GRANTED))
        if self.state is not BreakerState.CLOSED and self.line:
            for ask in [each for each in self.line if _fails(each)]:
                self.line.discard(ask.permit)
                told.append((ask, Verdict.REFUSED))
        return told

    def lets_through(self, now_us: int) -> bool:
        """True if somebody in line goes through, or is turned away, as soon as somebody looks."""
        if not self.line:
            return False
        is_over = now_us >= self.opened_us + self.rule.timeout_us
        if self.state is BreakerState.OPEN:
            return is_over or any(_fails(each) for each in self.line)
        return self._has_room()

    def _has_room(self) -> bool:
        if self.state is BreakerState.HALF_OPEN:
            return len(self._probes) + self.successes < self.rule.successes
        return self.state is BreakerState.CLOSED

    def _forgets_us(self) -> int:
        return self._used_us + self.rule.timeout_us + _REMEMBERED_US

    def next_us(self) -> int:
        """When time alone changes something, 0 for never."""
        if self.rests:
            return 0 if self.idle else self._forgets_us()
        waits = self.state is BreakerState.OPEN and self.line
        return self.opened_us + self.rule.timeout_us if waits else 0


def _fails(ask: Ask) -> bool:
    return isinstance(ask.rule, BreakerRule) and ask.rule.on_open == "fail"
