"""What nobody will take further is found, each by its name; queues are asked only if need be."""

from penstock.coordinator.core.audit import orphans
from penstock.coordinator.core.inputs import FannedOut, Outcome, Report, Start
from penstock.coordinator.core.step import step
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeRef, Payload
from support.plans import PlanBuilder

STARTED = ExecutionStarted("flow", 1, "hash", "default", Payload(b"{}"))


def fanned(count: int) -> ExecutionState:
    plan = PlanBuilder().node("each", for_each="${{ params.list }}").node("b").plan()
    state = ExecutionState(plan)
    step(state, Start(STARTED), 1)
    items = tuple(b"%d" % item for item in range(count))
    outcome = Outcome(NodeRef(0), FannedOut(count, items))
    step(state, Report("w", NodeRef(0), (outcome,)), 1)
    return state


class Queues:
    """What waits for workers."""

    def __init__(self, *refs: NodeRef) -> None:
        self.refs = set(refs)
        self.asked = 0

    def __call__(self) -> set[NodeRef]:
        self.asked += 1
        return self.refs


def found(state: ExecutionState, queues: Queues) -> list[str]:
    return [fault.message for fault in orphans(state, queues, lambda node: False)]


def test_each_item_is_a_fault_of_its_own():
    told = found(fanned(3), Queues(NodeRef(1), NodeRef(0, 2)))
    assert told == [
        "item 0 of node each is queued, but nobody will run it",
        "item 2 of node each is queued, but nobody will run it",
    ]


def test_nobody_is_asked_if_workers_have_everything():
    state = fanned(2)
    for ref in (NodeRef(1), NodeRef(0, 1), NodeRef(0, 2)):
        state.hand_over(ref, "w")
    queues = Queues()
    assert found(state, queues) == []
    assert queues.asked == 0
