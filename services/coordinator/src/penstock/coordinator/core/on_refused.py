"""An attempt is refused before any worker had it: a limit says that it must not begin.

Order of effects: the refusal is an attempt's failure like any other; what follows from it is
`failing`'s.
"""

from penstock.coordinator.core.failing import record_failure
from penstock.coordinator.core.inputs import AttemptRefused
from penstock.coordinator.core.turn import Turn
from penstock.workflow.execution.events import NodeFailed


def on_attempt_refused(turn: Turn, refused: AttemptRefused) -> None:
    """Fail the attempt; one that is not current, or that a worker has, is left alone."""
    state = turn.state
    if state.is_current(refused.ref) and state.key(refused.ref) not in state.holders:
        record_failure(turn, NodeFailed(refused.ref, refused.failure), refused.draw)
