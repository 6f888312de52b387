"""The permit book: when it grants, and what it takes for over."""

from penstock.coordinator.limits.book import RESTING_MAX, Book
from penstock.coordinator.limits.claims import Claims, KeyOwner
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
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


def test_a_word_that_came_before_the_lease_changed_hands_does_not_open_it():
    found = Book(lambda text: 0)
    found.take(0, 2, 0)
    found.ask(ask("e", epoch=5), 0)
    found.sync("old", Sync({0: (4, 0)}, {0: 2}), 0)
    found.require({0: 5})
    assert granted(found) == []
    assert found.awaited() == {0: 5}
    found.sync("new", Sync({0: (5, 0)}, {0: 2}, wanted=(ask("e", epoch=5),)), 0)
    assert granted(found) == ["e"]
    assert found.awaited() == {}


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


def test_a_rate_that_is_much_in_use_wants_to_be_looked_at_once():
    found = book()
    for now_us in range(5_000):
        rated(found, 1, 10_000, 3_600_000_000, now_us)
    assert len(found.due) == 1
    assert found.next_us() == 4_999 + 3_600_000_000


def test_what_was_to_be_looked_at_goes_with_its_shard():
    found = book()
    rated(found, 1, 5, 1_000, 0)
    found.drop(0)
    assert found.next_us() == 0


MINUTE_US = 60_000_000


def through(found: Book, name: str, failed: bool | None, now_us: int, on_open="wait") -> bool:
    """Something wants through the breaker `name`; False if it may not. It ends at once."""
    key = make_key("breaker", "t", name)
    permit = PermitId(f"{name}-{now_us}", 0, 0, 1)
    rule = BreakerRule(2, 1, MINUTE_US, on_open)
    found.ask(Ask(permit, key, rule, 5, now_us, 1), now_us)
    told = [each.verdict for each in found.serve(now_us) if each.permit == permit]
    if told == [Verdict.GRANTED] and failed is not None:
        found.heard(permit, key, failed, now_us)
        found.serve(now_us)
    return told == [Verdict.GRANTED]


def test_a_breaker_that_nobody_uses_is_forgotten_ten_minutes_after_its_time_out():
    for failures in (1, 2):
        found = book()
        for now_us in range(failures):
            assert through(found, "b", True, now_us)
        last_us = failures - 1 + 11 * MINUTE_US
        assert found.next_us() == last_us
        found.serve(last_us - 1)
        assert len(list(found)) == 1
        found.serve(last_us)
        assert list(found) == []
        assert found.next_us() == 0


def test_a_breaker_that_is_asked_is_not_forgotten():
    found = book()
    for now_us in range(2):
        assert through(found, "b", True, now_us)
    for now_us in range(2, MINUTE_US, MINUTE_US // 8):
        assert not through(found, "b", True, now_us, "fail")
    assert found.next_us() > 11 * MINUTE_US + MINUTE_US // 2


def test_a_breaker_that_somebody_waits_for_or_that_probes_is_not_forgotten():
    found = book()
    for now_us in range(2):
        assert through(found, "b", True, now_us)
    assert not through(found, "b", None, 2)
    assert found.next_us() == MINUTE_US + 1
    assert len(found.serve(MINUTE_US + 1)) == 1, "the probe"
    assert found.next_us() == 0, "it is told what became of it"
    found.serve(60 * MINUTE_US)
    assert len(list(found)) == 1


def test_of_too_many_breakers_that_nobody_uses_the_one_longest_unused_is_forgotten():
    found = book()
    through(found, "waits", None, 0)
    for now_us in range(RESTING_MAX):
        through(found, f"b{now_us}", True, now_us)
    through(found, "b0", True, RESTING_MAX)
    through(found, "one more", True, RESTING_MAX)
    names = {key.split("\x1f")[2] for key, _ in found}
    assert len(names) == RESTING_MAX + 1
    assert {"waits", "b0", "one more"} <= names
    assert "b1" not in names
    assert len(found.due) == RESTING_MAX
