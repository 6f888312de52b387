"""Where attempts stand in line: told of each, with every queue gone through once."""

from penstock.common.clock import SystemClock
from penstock.coordinator.core.inputs import Start
from penstock.coordinator.core.step import step
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.standing import Standing
from penstock.coordinator.shell.live import Live, Shard
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.values import NULL, NodeRef
from penstock.workflow.plan import NodePlan, Plan

SHARD = Shard(0, 1, 0)


class Counting(ReadyQueues):
    """Counts how often a queue is asked for."""

    asked = 0

    def get(self, kind):
        self.asked += 1
        return super().get(kind)


def live_with(name: str, count: int = 1) -> Live:
    nodes = tuple(NodePlan(n, f"n{n}", "js@1") for n in range(count))
    live = Live(name, "default", SHARD, Plan("p", "h", nodes, 0))
    step(live.state, Start(ExecutionStarted("p", 1, "h", "default", NULL)), 1)
    return live


def queues_with(*waiting: tuple[Live, int]) -> Counting:
    queues = Counting(SystemClock(), FairRules(30.0, {}))
    for live, count in waiting:
        queues.add(live, tuple(NodeRef(n) for n in range(count)))
    return queues


def told(queues: Counting, live: Live, count: int) -> list[str]:
    standing = Standing(queues, live, lambda kind: f"Waits for {kind.uses}.")
    return [standing.text(NodeRef(n)) for n in range(count)]


def test_what_came_before_is_counted():
    first, second = live_with("first", 3), live_with("second")
    queues = queues_with((first, 3), (second, 1))
    assert told(queues, first, 1) == ["Waits for js@1. It is the next one."]
    assert told(queues, second, 1) == ["Waits for js@1. Before it: 3."]


def test_what_is_in_no_queue_has_no_place():
    first, second = live_with("first"), live_with("second")
    assert told(queues_with((first, 1)), second, 1) == ["Waits for js@1."]


def test_a_wide_execution_is_told_with_one_look_at_the_queue():
    wide = live_with("wide", 500)
    queues = queues_with((live_with("first"), 1), (wide, 500))
    assert set(told(queues, wide, 500)) == {"Waits for js@1. Before it: 1."}
    assert queues.asked == 1
