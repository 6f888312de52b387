"""The permit book: when it grants, and what it takes for over."""

from penstock.coordinator.limits.book import Book
from penstock.coordinator.limits.claims import Claims, KeyOwner
from penstock.coordinator.limits.permits import (
    Ask,
    PermitId,
    RateRule,
    SlotRule,
    Sync,
    Told,
    Verdict,
    make_key,
)

KEY = make_key("concurrency", "t", "k")
ONE = SlotRule(1)


def ask(name: str, epoch: int = 1, since_us: int = 0, urgency: int = 5, rule=ONE) -> Ask:
    return Ask(PermitId(name, 0, 0, 1), KEY, rule, urgency, since_us, epoch)


def book(epoch: int = 1, spoken: tuple[int, int] = (1, 0)) -> Book:
    """A book of one shard, in which keys and executions are."""
    made = Book(lambda text: 0)
    made.take(0, epoch, 0)
    made.require({0: spoken[0]})
    made.sync("a", Sync({0: spoken}, {0: epoch}), 0)
    return made


def granted(found: Book, now_us: int = 0) -> list[str]:
    return [
        told.permit.execution_id for told in found.serve(now_us) if told.verdict is Verdict.GRANTED
    ]


def test_who_is_more_urgent_comes_first_then_who_asked_first():
    found = book()
    found.ask(ask("holder"), 0)
    assert granted(found) == ["holder"]
    for name, since_us, urgency in (("late", 3, 5), ("early", 2, 5), ("urgent", 9, 8)):
        found.ask(ask(name, since_us=since_us, urgency=urgency), 0)
    order = []
    last = "holder"
    for _ in range(3):
        found.give_back(PermitId(last, 0, 0, 1), KEY, 1)
        order += granted(found)
        last = order[-1]
    assert order == ["urgent", "early", "late"]


def test_nothing_is_granted_before_the_owner_of_the_executions_has_spoken():
    found = Book(lambda text: 0)
    found.take(0, 2, 0)
    found.ask(ask("e", epoch=5), 0)
    assert granted(found) == []
    found.require({0: 5})
    assert granted(found) == []
    assert found.awaited() == {0: 5}
    found.sync("a", Sync({0: (5, 0)}, {0: 2}, wanted=(ask("e", epoch=5),)), 0)
    assert granted(found) == ["e"]


def test_a_word_under_an_older_lease_does_not_open_it():
    found = Book(lambda text: 0)
    found.take(0, 2, 0)
    found.require({0: 5})
    found.sync("old", Sync({0: (4, 0)}, {0: 2}, wanted=(ask("e", epoch=4),)), 0)
    found.ask(ask("e", epoch=5), 0)
    assert granted(found) == []


def test_a_word_about_another_lease_of_the_keys_does_not_open_it():
    found = Book(lambda text: 0)
    found.take(0, 2, 0)
    found.require({0: 5})
    found.sync("a", Sync({0: (5, 0)}, {0: 1}, wanted=(ask("e", epoch=5),)), 0)
    assert granted(found) == []


def test_it_stays_closed_while_attempts_that_nobody_knows_of_may_run():
    found = book(2, (5, 1_000))
    found.ask(ask("e", epoch=5), 0)
    assert granted(found, 999) == []
    assert found.next_us() == 1_000
    assert granted(found, 1_000) == ["e"]


def test_what_is_said_to_be_held_counts_even_above_the_limit():
    found = book()
    both = (ask("x"), ask("y"))
    found.sync("a", Sync({0: (1, 0)}, {0: 1}, held=both, wanted=(ask("z"),)), 0)
    assert granted(found) == []
    found.give_back(both[0].permit, KEY, 1)
    assert granted(found) == []
    found.give_back(both[1].permit, KEY, 1)
    assert granted(found) == ["z"]


def test_what_the_next_owner_does_not_name_counts_until_it_must_be_over():
    found = book()
    found.ask(ask("e"), 0)
    assert granted(found) == ["e"]
    found.sync("b", Sync({0: (2, 500)}, {0: 1}, wanted=(ask("f", epoch=2),)), 100)
    assert granted(found, 599) == []
    assert granted(found, 600) == ["f"]


def test_what_the_same_owner_does_not_name_any_more_is_over():
    found = book()
    found.ask(ask("e"), 0)
    assert granted(found) == ["e"]
    found.sync("a", Sync({0: (1, 0)}, {0: 1}, wanted=(ask("f"),)), 0)
    assert granted(found) == ["f"]


def test_a_grant_that_was_lost_is_told_again():
    found = book()
    found.ask(ask("e"), 0)
    assert granted(found) == ["e"]
    found.sync("a", Sync({0: (1, 0)}, {0: 1}, wanted=(ask("e"),)), 0)
    assert granted(found) == ["e"]


def test_who_lost_the_executions_gives_nothing_back():
    found = book()
    found.ask(ask("e"), 0)
    assert granted(found) == ["e"]
    held = ask("e", epoch=2)
    found.sync("b", Sync({0: (2, 0)}, {0: 1}, held=(held,), wanted=(ask("f", epoch=2),)), 0)
    found.give_back(PermitId("e", 0, 0, 1), KEY, 1)
    assert granted(found) == []
    found.give_back(PermitId("e", 0, 0, 1), KEY, 2)
    assert granted(found) == ["f"]


def test_a_key_that_nobody_uses_is_forgotten():
    found = book()
    found.ask(ask("e"), 0)
    granted(found)
    found.give_back(PermitId("e", 0, 0, 1), KEY, 1)
    granted(found)
    assert list(found) == []
    assert found.next_us() == 0


def test_an_answer_of_a_former_owner_does_not_count():
    sent = []
    claims = Claims(lambda text: 0, lambda who, message: sent.append((who, message)), lambda: None)
    claims.follow({0: KeyOwner("p", 1)})
    claims.want(ask("e"))
    assert sent[0][0] == "p"
    assert claims.follow({0: KeyOwner("o", 2)}) == {"o"}
    assert not claims.told(Told("a", PermitId("e", 0, 0, 1), KEY, Verdict.GRANTED, 1))
    assert claims.sync_for("o", 0).wanted == (ask("e"),)
    assert claims.told(Told("a", PermitId("e", 0, 0, 1), KEY, Verdict.GRANTED, 2))
    assert claims.sync_for("o", 0).held == (ask("e"),)


def rated(found: Book, count: int, limit: int, per_us: int, now_us: int) -> int:
    rule = RateRule(limit, per_us)
    for n in range(count):
        permit = PermitId(f"r{now_us}-{n}", 0, 0, 1)
        found.ask(Ask(permit, make_key("rate", "t", "k"), rule, 5, now_us, 1), now_us)
    return len(found.serve(now_us))


def test_no_span_of_time_holds_more_than_the_rate():
    found = book()
    begun = []
    for now_us in range(0, 1000, 7):
        begun += [now_us] * rated(found, 2, 5, 100, now_us)
    for start in begun:
        assert sum(start <= at < start + 100 for at in begun) <= 5
    assert len(begun) >= 45, "and it is made use of"


def test_after_its_owner_died_a_rate_waits_a_span():
    found = book(2)
    assert rated(found, 3, 5, 1_000, 0) == 0
    assert rated(found, 0, 5, 1_000, 999) == 0
    found.serve(1_000)
    assert rated(found, 3, 5, 1_000, 1_001) == 2


def test_of_a_long_span_the_rate_comes_back_evenly_after_its_owner_died():
    found = book(2)
    per_us = 3_600_000_000
    assert rated(found, 10, 4, per_us, 0) == 0
    assert [len(found.serve(per_us * n // 4 + 1)) for n in range(1, 5)] == [1, 1, 1, 1]
