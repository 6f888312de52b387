"""What other coordinators let go is given to workers, though nothing else stirs."""

from penstock.common.clock import SystemClock
from penstock.coordinator.limits.claims import KeyOwner
from penstock.coordinator.limits.permits import Ask, PermitId, SlotRule, Told, Verdict, make_key
from penstock.coordinator.shell.cluster_limits import ClusterLimits

KEY = make_key("slots", "ada", "bank")
PERMIT = PermitId("01JD0000000000000000000000", 0, 0, 1)


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
