"""What the self-audit takes for a wait that nobody ends, and what it does not."""

import pytest

from penstock.coordinator.limits.book import Book
from penstock.coordinator.limits.overdue import overdue
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
    PermitId,
    RateRule,
    Rule,
    SlotRule,
    Sync,
    make_key,
)

S = 1_000_000
FIRST, OTHER = PermitId("first", 0, 0, 1), PermitId("second", 0, 0, 1)
RULES = [SlotRule(1), RateRule(1, 10 * S), BreakerRule(1, 1, 10 * S)]


def ask(permit: PermitId, rule: Rule) -> Ask:
    return Ask(permit, make_key("kind", "ada", "bank"), rule, 5, 0, 1)


@pytest.fixture
def book() -> Book:
    """The only shard is taken, and everybody has spoken."""
    book = Book(lambda text: 0)
    book.take(0, 1, 0)
    book.require({0: 1})
    book.sync("here", Sync({0: (1, 0)}, {0: 1}), 0)
    return book


def waits(book: Book, now_us: int) -> list[str]:
    return [each.why for each in overdue(book, 0, now_us)]


@pytest.mark.parametrize("rule", RULES, ids=["slot", "rate", "breaker"])
def test_who_could_go_at_once_is_overdue_and_who_waits_for_another_is_not(book, rule):
    book.ask(ask(FIRST, rule), 0)
    book.serve(S)
    assert not waits(book, 2 * S)
    if isinstance(rule, BreakerRule):
        book.heard(FIRST, ask(FIRST, rule).key, True, S)
    book.ask(ask(OTHER, rule), 2 * S)
    book.serve(2 * S)
    assert not waits(book, 8 * S)
    book.give_back(FIRST, ask(FIRST, rule).key, 1)
    assert waits(book, 20 * S) == ["nobody lets it go"]
    book.serve(20 * S)
    assert not waits(book, 30 * S)


def test_a_slot_in_doubt_is_waited_for_until_the_doubt_is_over(book):
    rule = SlotRule(1)
    book.ask(ask(FIRST, rule), 0)
    book.ask(ask(OTHER, rule), 0)
    book.serve(0)
    limit = book.find(ask(FIRST, rule).key)
    limit.doubt(FIRST, 10 * S)
    assert not waits(book, 10 * S)
    assert waits(book, 12 * S)


def test_keys_that_everybody_has_spoken_of_and_that_stay_closed_are_overdue(book):
    book.ask(ask(FIRST, SlotRule(1)), 0)
    assert not waits(book, 0)
    assert waits(book, 2 * S) == ["it is still closed"]


def test_keys_of_which_somebody_does_not_speak_are_overdue_after_a_minute():
    book = Book(lambda text: 0)
    book.take(0, 1, 0)
    book.ask(ask(FIRST, SlotRule(1)), 0)
    assert not waits(book, 59 * S)
    assert waits(book, 61 * S) == ["its owner does not hear from all the others"]
