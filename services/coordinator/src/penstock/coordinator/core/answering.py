"""A person answers what a node asked: an approval, or whether a lost effect has happened.

Order of effects: who answered what is written first, then what any node goes through, in one
commit. A task is answered once; whoever comes later is refused.
"""

from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import TaskAnswer
from penstock.coordinator.core.items import end_well
from penstock.coordinator.core.timing_out import skip, try_again
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.decisions import (
    DECISIONS,
    HAPPENED,
    NOT_HAPPENED,
    SKIP,
    decision_output,
)
from penstock.workflow.execution.events import NodeCompleted, NodeFailed, NodeWaiting
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.hand_events import TaskAnswered
from penstock.workflow.execution.values import Failure, HumanTask, NodeRef, SkipReason, TaskKind


def on_task_answer(turn: Turn, answer: TaskAnswer) -> None:
    """Take an answer; refused if nobody waits for it or it is none of this task's."""
    wait = asking(turn.state, answer.ref)
    task = wait.task if wait is not None else None
    if task is None or answer.decision not in DECISIONS[task.kind]:
        turn.accepted = False
        return
    ref = answer.ref
    turn.emit(TaskAnswered(ref, answer.decision, answer.data, answer.by, answer.comment))
    if task.kind == TaskKind.APPROVAL:
        output = decision_output(answer.decision, answer.data, answer.by, turn.now_us)
        chosen = (answer.decision,)
        end_well(turn, NodeCompleted(ref, output, chosen, True, finished_us=turn.now_us))
    else:
        _settle_effect(turn, answer, task)


def asking(state: ExecutionState, ref: NodeRef) -> NodeWaiting | None:
    """The wait of this very attempt for a person, if it waits for one."""
    wait = state.waits.sleeping.get(state.key(ref))
    return wait if wait is not None and wait.task is not None and wait.ref == ref else None


def _settle_effect(turn: Turn, answer: TaskAnswer, task: HumanTask) -> None:
    ref = answer.ref
    decision = answer.decision
    if decision == HAPPENED:
        end_well(turn, NodeCompleted(ref, answer.data, finished_us=turn.now_us))
    elif decision == NOT_HAPPENED:
        try_again(turn, ref)
    elif decision == SKIP:
        skip(turn, ref, SkipReason.MANUAL)
    else:
        failure = Failure("system", "EFFECT_UNCERTAIN", answer.comment or task.description)
        record_failure(turn, NodeFailed(ref, failure, finished_us=turn.now_us), None)
