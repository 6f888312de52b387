"""What one coordinator tells another about limits, and when it stirs by itself: nothing else may
happen that would make up for what is missed."""

import pytest

from penstock.common.clock import SystemClock
from penstock.common.ids import shard_of
from penstock.coordinator.limits.claims import GiveBack, KeyOwner, Message
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
from penstock.coordinator.shell.limits.cluster_limits import MARGIN_S, Alone, ClusterLimits
from penstock.coordinator.shell.live import Shard
from support.coordinator.limit_node import Time

KEY = make_key("slots", "ada", "bank")
PERMIT = PermitId("01JD0000000000000000000000", 0, 0, 1)


HERE, THERE = {"here": "127.0.0.1:2"}, {"there": "127.0.0.1:1"}


class Heard(Alone):
    """What others were told."""

    def __init__(self, limits: ClusterLimits) -> None:
        self._limits = limits
        self.told: list[Message | Sync] = []
        self.greeted: list[str] = []

    def send(self, coordinator_id: str, message: Message) -> None:
        self.told.append(message)

    def sync(self, coordinator_id: str, address: str) -> None:
        self.told.append(self._limits.sync_for(coordinator_id))

    def greet(self, coordinator_id: str, address: str) -> None:
        self.greeted.append(coordinator_id)


class Hands(SystemClock):
    """A clock that is set by hand."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Always:
    def holds(self) -> bool:
        return True


def asking() -> tuple[ClusterLimits, list[str]]:
    """One that has asked the owner of a key, and what it did since."""
    limits = ClusterLimits("here", SystemClock(), Always(), 8.0)
    did: list[str] = []
    limits.on_told = lambda told: did.append("told")
    limits.on_served = lambda: did.append("served")
    limits.follow(1, {"there": "127.0.0.1:1"}, {0: KeyOwner("there", 3)})
    limits.ask(Ask(PERMIT, KEY, SlotRule(1), epoch=1))
    return limits, did


def test_what_another_coordinator_grants_is_given_to_workers():
    limits, did = asking()
    limits.hear_answer(Told("here", PERMIT, KEY, Verdict.GRANTED, 3))
    limits.turn()
    assert did == ["told", "served"]
    limits.turn()
    assert did == ["told", "served"]


def test_what_a_former_owner_grants_is_void():
    limits, did = asking()
    limits.hear_answer(Told("here", PERMIT, KEY, Verdict.GRANTED, 2))
    limits.turn()
    assert did == []


def test_the_end_of_a_doubt_comes_though_nobody_else_stirs():
    limits, _ = asking()
    limits.hear_answer(Told("here", PERMIT, KEY, Verdict.GRANTED, 3))
    limits.turn()
    assert not limits.stirred
    assert not limits.due_us()
    limits.claims.doubt(PERMIT, KEY, 1)
    assert limits.stirred
    heard = limits.peers = Heard(limits)
    limits.turn()
    assert heard.told == [GiveBack(PERMIT, KEY, 1)]


@pytest.mark.parametrize("was_told_before", [True, False])
def test_who_could_not_be_reached_is_told_everything_once_it_is_back(was_told_before: bool):
    limits = ClusterLimits("here", SystemClock(), Always(), 8.0)
    heard = limits.peers = Heard(limits)
    owners = {0: KeyOwner("there", 3)}
    if was_told_before:
        limits.follow(1, HERE | THERE, owners)
        limits.ask(Ask(PERMIT, KEY, SlotRule(1), epoch=1))
    limits.follow(1, HERE, owners)
    heard.told.clear()
    if not was_told_before:
        limits.ask(Ask(PERMIT, KEY, SlotRule(1), epoch=1))
    else:
        limits.claims.give_back(PERMIT, KEY)
    limits.follow(1, HERE | THERE, owners)
    (said,) = [each for each in heard.told if isinstance(each, Sync)]
    assert len(said.wanted) == (0 if was_told_before else 1)
    heard.told.clear()
    limits.follow(1, HERE | THERE, owners)
    assert heard.told == []


@pytest.mark.parametrize("all_of_it", [True, False])
def test_what_was_asked_before_the_owner_knew_that_it_owns_is_asked_for_again(all_of_it: bool):
    owner = ClusterLimits("here", SystemClock(), Always(), 8.0)
    heard = owner.peers = Heard(owner)
    ask = Ask(PERMIT, KEY, SlotRule(1), epoch=1)
    own = shard_of(KEY, 2)
    others = {1 - own: KeyOwner("there", 1)}
    owner.follow(2, HERE | THERE, others)
    if all_of_it:
        owner.hear_sync("there", Sync({1 - own: (1, 0)}, {own: 1}, held=(ask,)))
    else:
        owner.hear(ask)
    owner.turn()
    assert heard.greeted == []
    owner.follow(2, HERE | THERE, others | {own: KeyOwner("here", 1)})
    owner.turn()
    assert heard.greeted == ["there"]


def test_a_doubt_about_what_is_over_does_not_outlive_the_shard():
    """Else it would be claimed as held under the next lease, and given back under the former."""
    limits, _ = asking()
    limits.hear_answer(Told("here", PERMIT, KEY, Verdict.GRANTED, 3))
    limits.claims.doubt(PERMIT, KEY, limits.now_us() + 10_000_000)
    limits.forget(Shard(0, 1, 0))
    assert len(limits.claims) == 0
    assert limits.sync_for("there").held == ()


def owning(epoch: int) -> tuple[ClusterLimits, Hands, list[Told]]:
    """One that took everything under this epoch, was asked, and what it told since."""
    clock = Hands()
    limits = ClusterLimits("here", clock, Always(), 8.0)
    told: list[Told] = []
    limits.on_told = told.append
    limits.follow(1, HERE, {0: KeyOwner("here", epoch)})
    limits.loaded(Shard(0, epoch, 0))
    limits.ask(Ask(PERMIT, KEY, SlotRule(1), epoch=epoch))
    while limits.stirred:
        limits.turn()
    return limits, clock, told


def test_where_nobody_had_the_executions_before_a_slot_is_granted_at_once():
    _, _, told = owning(1)
    assert [each.verdict for each in told] == [Verdict.GRANTED]


def test_after_a_takeover_nothing_is_granted_while_what_nobody_knows_of_may_run():
    """An attempt that was cancelled on disk may run on until its worker stops by itself."""
    limits, clock, told = owning(2)
    doubt_s = 8.0 + MARGIN_S
    assert limits.due_us() == round((clock.now + doubt_s) * 1e6)
    clock.now += doubt_s - 0.001
    limits.turn()
    assert told == []
    clock.now += 0.001
    limits.turn()
    assert [each.verdict for each in told] == [Verdict.GRANTED]


class Sometimes:
    """Leases that hold or may be over."""

    sure = True

    def holds(self) -> bool:
        return self.sure


def test_a_rate_saves_nothing_up_while_the_leases_are_in_doubt():
    time, tenure = Time(), Sometimes()
    limits = ClusterLimits("here", time, tenure, 8.0)
    let_go: list[PermitId] = []
    limits.on_told = lambda told: let_go.append(told.permit)
    owners = {0: KeyOwner("here", 1)}
    limits.follow(1, HERE, owners)
    limits.loaded(Shard(0, 1, 0))
    limits.speak()
    tenure.sure = False
    key = make_key("rate", "ada", "bank")
    for attempt in (1, 2, 3):
        permit = PERMIT._replace(attempt=attempt)
        limits.ask(Ask(permit, key, RateRule(1, 1_000_000), epoch=1))
    for _ in range(3):
        limits.turn()
        time.now += 1
    assert not let_go
    assert not limits.due_us()
    tenure.sure = True
    limits.follow(1, HERE, owners)
    assert limits.stirred
    limits.turn()
    assert len(let_go) == 1
