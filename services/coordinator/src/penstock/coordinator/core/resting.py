"""Rest: an execution that only waits needs nobody until a timer or a signal wakes it."""

from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeStatus

_QUEUED = int(NodeStatus.QUEUED)
_RUNNING = int(NodeStatus.RUNNING)


def is_at_rest(state: ExecutionState) -> bool:
    """True if nothing is queued or running and something waits for a timer or a signal, or if
    nothing runs and all that is queued is held by a pause or a debugger.

    Follows from the fold alone, so whoever folds the journal finds the same. A fan-out runs, but
    is at rest if all of its open items wait. O(1) unless something waits, else a scan of the
    statuses as bytes.
    """
    waits = state.waits
    if state.end is not None or state.holders:
        return False
    held = state.debug.held.keys() if state.debug is not None else ()
    if state.is_paused or held:
        paused = state.touched.held if state.touched is not None and state.is_paused else ()
        return _rests_held(state, {*held, *paused})
    if not (waits.sleeping or waits.due):
        return False
    status, fan_outs = state.status, state.fan_outs
    return (
        _QUEUED not in status
        and status.count(_RUNNING) == len(fan_outs)
        and all(_items_rest(items) for items in fan_outs.values())
    )


def _items_rest(items: FanOut) -> bool:
    """True if the fan-out has open items, and all of them wait."""
    status = items.status
    return items.done < items.count and _QUEUED not in status and _RUNNING not in status


def _rests_held(state: ExecutionState, held: set[int]) -> bool:
    """True if whatever is queued is held, and nothing runs."""
    fan_outs, size = state.fan_outs, state.tables.size
    for node, status in enumerate(state.status):
        if status == _QUEUED and node not in held:
            return False
        if status == _RUNNING and node not in fan_outs:
            return False
    return all(
        items.done < items.count
        and _RUNNING not in items.status
        and _all_held(items, node, size, held)
        for node, items in fan_outs.items()
        if node not in held
    )


def _all_held(items: FanOut, node: int, size: int, held: set[int]) -> bool:
    return all(
        (at + 1) * size + node in held for at in range(items.opened) if items.status[at] == _QUEUED
    )
