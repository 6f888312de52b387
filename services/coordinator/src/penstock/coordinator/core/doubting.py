"""An effect that must not be repeated may have happened: somebody has to say.

Order of effects: the question is written like any wait; the next attempt, if there is to be one, is
queued by the commit that holds the answer.
"""

from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeFailed, NodeWaiting
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.naming import named
from penstock.workflow.execution.tables import US_PER_S
from penstock.workflow.execution.values import HumanTask, TaskKind


def is_in_doubt(state: ExecutionState, event: NodeFailed) -> bool:
    """True if an attempt failed in a way that leaves open whether its one effect has happened."""
    plan = state.tables.nodes[event.ref.node]
    return plan.effects == "once" and event.failure.reason == "EFFECT_UNCERTAIN"


def doubt(turn: Turn, event: NodeFailed) -> None:
    """Ask a person what became of an attempt, or fail it if the node says so."""
    ref = event.ref
    plan = turn.state.tables.nodes[ref.node]
    if plan.on_uncertain == "fail":
        record_failure(turn, event, None)
        return
    until_us = turn.now_us + round(plan.ask_for_s * US_PER_S) if plan.ask_for_s else 0
    title = f"Has the effect of {named(plan.id, ref.item)} happened?"
    task = HumanTask(TaskKind.EFFECT, title, event.failure.message)
    turn.emit(NodeWaiting(ref, until_us, task=task))
