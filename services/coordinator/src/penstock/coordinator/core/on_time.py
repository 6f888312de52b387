"""Time passed: deadlines, the end of sleeps and of back-offs.

A timer is due when the wall clock the shell passes has reached it, and only then; however late the
shell comes, each armed timer goes off once, in the order in which they were due.
"""

from penstock.coordinator.core.ending import end_timed_out
from penstock.coordinator.core.failing import fail_node
from penstock.coordinator.core.on_signal import wake
from penstock.coordinator.core.timing_out import time_out, try_again
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import StartDue
from penstock.workflow.execution.values import Failure
from penstock.workflow.execution.waits import BEGINNING, EXECUTION_DEADLINE, NODE_DEADLINE


def on_time(turn: Turn) -> None:
    """Let every timer go off that is due by now; stops when one of them ends the execution. During
    a pause there is none but the execution's deadline."""
    waits = turn.state.waits
    if turn.state.is_paused:
        if 0 < waits.deadline_us <= turn.now_us:
            end_timed_out(turn)
        return
    while turn.fatal is None:
        timer = waits.next_timer()
        if timer is None or timer[0] > turn.now_us:
            return
        _, kind, key = timer
        if kind == EXECUTION_DEADLINE:
            end_timed_out(turn)
            return
        if kind == NODE_DEADLINE:
            _deadline_passed(turn, key)
        else:
            _wake_up(turn, key)


def _deadline_passed(turn: Turn, node: int) -> None:
    plan = turn.state.tables.nodes[node]
    message = f"Node {plan.id} did not end within its deadline of {plan.deadline_s:g} s."
    fail_node(turn, node, Failure("transient", "NODE_DEADLINE", message))


def _wake_up(turn: Turn, key: int) -> None:
    state = turn.state
    if key == BEGINNING:
        turn.emit(StartDue())
        return
    ref = state.current_ref(key)
    wait = state.waits.sleeping.get(key)
    if wait is None:
        try_again(turn, ref)
    elif not wait.is_for_time_only:
        time_out(turn, wait)
    elif wait.again:
        try_again(turn, ref)
    else:
        wake(turn, key, wait.output)
