"""What a history says of effects."""

import pytest

from penstock.workflow.execution import events as ev
from penstock.workflow.execution import hand_events as hand
from penstock.workflow.execution.effects import EffectLedger, EffectOutcome
from penstock.workflow.execution.values import (
    NULL,
    Failure,
    HumanTask,
    NodeRef,
    Operation,
    TaskKind,
)
from support.plans import PlanBuilder

FIRST, SECOND = NodeRef(0, 0, 1), NodeRef(0, 0, 2)
QUEUED = ev.NodesQueued((0,))
UNCERTAIN = Failure("system", "EFFECT_UNCERTAIN", "Lost.")
ASKS = ev.NodeWaiting(FIRST, task=HumanTask(TaskKind.EFFECT, "Has it?", "It was lost."))


def outcomes(*history, effects: str = "once") -> list[str]:
    builder = PlanBuilder()
    builder.node("pay", effects=effects)
    ledger = EffectLedger(builder.plan())
    for at_us, event in enumerate(history, 1):
        ledger.take_in(event, at_us)
    return [one.outcome.name for one in ledger.attempts.get((0, 0), [])]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([QUEUED], ["OPEN"]),
        ([QUEUED, ev.NodeCompleted(FIRST, NULL)], ["COMMITTED"]),
        ([QUEUED, ev.AttemptLost(FIRST, "nobody had it")], ["NOT_HAPPENED", "OPEN"]),
        ([QUEUED, ev.NodeFailed(FIRST, UNCERTAIN)], ["MAY_HAVE_HAPPENED"]),
        ([QUEUED, ev.NodeFailed(FIRST, Failure("permanent", "HTTP_STATUS", "404"))], ["FAILED"]),
        ([QUEUED, ASKS], ["MAY_HAVE_HAPPENED"]),
        (
            [QUEUED, ASKS, hand.TaskAnswered(FIRST, "happened"), ev.NodeCompleted(FIRST, NULL)],
            ["COMMITTED"],
        ),
        (
            [QUEUED, ASKS, hand.TaskAnswered(FIRST, "not_happened"), ev.NodeRetried(SECOND)],
            ["NOT_HAPPENED", "OPEN"],
        ),
        ([QUEUED, ASKS, hand.TaskAnswered(FIRST, "skip")], ["MAY_HAVE_HAPPENED"]),
        (
            [QUEUED, hand.NodeIntervened(FIRST, Operation.RETRY), ev.NodeRetried(SECOND)],
            ["MAY_HAVE_HAPPENED", "OPEN"],
        ),
        ([QUEUED, ev.NodesCancelled((0,))], ["MAY_HAVE_HAPPENED"]),
        ([QUEUED, ev.NodeHeld(FIRST)], ["OPEN"]),
        ([QUEUED, ev.NodeHeld(FIRST, outcome=ev.NodeCompleted(FIRST, NULL))], ["COMMITTED"]),
        (
            [
                QUEUED,
                ev.NodeHeld(FIRST, outcome=ev.NodeCompleted(FIRST, NULL)),
                ev.NodesCancelled((0,)),
            ],
            ["COMMITTED"],
        ),
    ],
)
def test_each_attempt_is_told_by_what_is_known_of_it(history, expected):
    assert outcomes(*history) == expected


def test_a_lost_attempt_that_may_be_repeated_may_have_happened():
    lost = outcomes(QUEUED, ev.AttemptLost(FIRST, "worker died"), effects="idempotent")
    assert lost == ["MAY_HAVE_HAPPENED", "OPEN"]


def test_nodes_without_effects_are_not_in_it():
    assert outcomes(QUEUED, ev.NodeCompleted(FIRST, NULL), effects="none") == []


def test_every_attempt_has_the_same_key():
    builder = PlanBuilder()
    builder.node("pay", effects="once")
    ledger = EffectLedger(builder.plan())
    assert ledger.idempotency_key("E", (0, 3)) == "E/pay/3"
    assert EffectOutcome.OPEN == 1
