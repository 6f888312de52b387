"""Events of the debugger and what watchers are told of them."""

from penstock.api.journal.v1 import journal_pb2 as journal

REF = journal.NodeRef(node=1, attempt=2)

DEBUG_CASES = {
    "held before": (
        {
            "node_held": journal.NodeHeld(
                ref=REF, place=journal.BREAKPOINT_PLACE_BEFORE, breakpoint="b1"
            )
        },
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_held",
            "nodes": [{"id": "judge", "status": "QUEUED", "attempt": 2}],
            "reason": "b1",
        },
    ),
    "held after, stepping": (
        {"node_held": journal.NodeHeld(ref=REF, place=journal.BREAKPOINT_PLACE_AFTER)},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_held",
            "nodes": [{"id": "judge", "status": "WAITING", "attempt": 2}],
            "reason": "stepping",
        },
    ),
    "let go": (
        {"node_released": journal.NodeReleased(ref=REF)},
        {
            "type": "NODE_STATE_CHANGED",
            "kind": "node_released",
            "nodes": [{"id": "judge", "status": "QUEUED", "attempt": 2}],
        },
    ),
    **{
        kind: ({kind: message}, {"type": "NODE_STATE_CHANGED", "kind": kind})
        for kind, message in {
            "debug_attached": journal.DebugAttached(),
            "debug_detached": journal.DebugDetached(),
            "breakpoints_set": journal.BreakpointsSet(),
            "breakpoints_cleared": journal.BreakpointsCleared(),
            "debug_pace_set": journal.DebugPaceSet(),
            "breakpoint_passed": journal.BreakpointPassed(),
            "output_edited": journal.OutputEdited(),
        }.items()
    },
}
