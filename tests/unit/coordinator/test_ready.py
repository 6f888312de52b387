"""The queues of attempts that wait for a worker."""

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.coordinator.core.inputs import CancelAsked, Start
from penstock.coordinator.core.step import step
from penstock.coordinator.shell.live import Live, Shard
from penstock.coordinator.shell.ready import ReadyQueues
from penstock.coordinator.shell.workers import Worker
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.values import NULL, NodeRef
from penstock.workflow.plan import NodePlan, Plan

SHARD = Shard(0, 1, 0)


def live_with(name: str, count: int = 1, uses: str = "js@1") -> Live:
    nodes = tuple(NodePlan(n, f"n{n}", uses) for n in range(count))
    live = Live(name, "default", SHARD, Plan("p", "h", nodes, 0))
    step(live.state, Start(ExecutionStarted("p", 1, "h", "default", NULL)), 1)
    return live


def refs(count: int) -> tuple[NodeRef, ...]:
    return tuple(NodeRef(n) for n in range(count))


def worker_with(room: int) -> Worker:
    return Worker(Hello(worker_id=f"w{room}", credits=room, node_types=["js@1"]))


class Desk:
    """Notes who got what."""

    def __init__(self, *workers: Worker) -> None:
        self.workers = workers
        self.given: list[tuple[str, str, int]] = []

    def serving(self, kind):
        return [worker for worker in self.workers if kind[1] in worker.kinds]

    def hand_over(self, worker, live, some, part) -> None:
        worker.free -= len(some)
        self.given.append((worker.id, live.id, len(some)))


def test_first_in_first_out():
    queues, desk = ReadyQueues(), Desk(worker_with(2))
    for name in "abc":
        queues.add(live_with(name), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [name for _, name, _ in desk.given] == ["a", "b"]
    assert queues.depth == 1


def test_a_wide_execution_lets_others_through():
    queues, desk = ReadyQueues(), Desk(worker_with(100))
    queues.add(live_with("wide", 90), refs(90))
    queues.add(live_with("small"), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [(name, count) for _, name, count in desk.given] == [
        ("wide", 32), ("small", 1), ("wide", 32), ("wide", 26),
    ]  # fmt: skip


def test_a_fan_out_spreads_over_the_workers():
    one, two = worker_with(51), worker_with(50)
    queues, desk = ReadyQueues(), Desk(one, two)
    queues.add(live_with("fan", 10), refs(10))
    queues.hand_out(desk.serving, desk.hand_over)
    assert {one.free, two.free} != {51, 40}
    assert one.free + two.free == 91
    assert queues.depth == 0


def test_a_type_nobody_runs_does_not_hold_up_the_others():
    queues, desk = ReadyQueues(), Desk(worker_with(9))
    queues.add(live_with("strange", uses="other@1"), refs(1))
    queues.add(live_with("plain"), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [name for _, name, _ in desk.given] == ["plain"]
    assert queues.depth == 1


def test_what_became_void_while_it_waited_is_dropped():
    queues, desk = ReadyQueues(), Desk(worker_with(9))
    live, gone = live_with("cancelled"), live_with("gone")
    queues.add(live, refs(1))
    queues.add(gone, refs(1))
    step(live.state, CancelAsked(""), 2)
    gone.gone = True
    queues.hand_out(desk.serving, desk.hand_over)
    assert desk.given == []
    assert queues.depth == 0


def test_an_execution_stays_with_its_worker_while_that_has_room():
    near, roomy = worker_with(1), worker_with(50)
    queues, desk = ReadyQueues(), Desk(near, roomy)
    live = live_with("a", 2)
    live.favourite = near
    queues.add(live, (NodeRef(0),))
    queues.add(live, (NodeRef(1),))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [worker for worker, _, _ in desk.given] == ["w1", "w50"]
