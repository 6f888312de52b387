"""The queues of attempts that wait for a worker."""

from itertools import pairwise

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.common.clock import SystemClock
from penstock.coordinator.core.inputs import CancelAsked, Start
from penstock.coordinator.core.step import step
from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.shell.dispatch.placement import Crew
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Live, Shard
from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.execution.values import NULL, NodeRef
from penstock.workflow.plan import NodePlan, Plan

SHARD = Shard(0, 1, 0)


def live_with(name: str, count: int = 1, uses: str = "js@1") -> Live:
    nodes = tuple(NodePlan(n, f"n{n}", uses) for n in range(count))
    live = Live(name, "default", SHARD, Plan("p", "h", nodes, 0))
    step(live.state, Start(ExecutionStarted("p", 1, "h", "default", NULL)), 1)
    return live


def ready_queues() -> ReadyQueues:
    return ReadyQueues(SystemClock(), FairRules(30.0, {}))


def refs(count: int) -> tuple[NodeRef, ...]:
    return tuple(NodeRef(n) for n in range(count))


class Desk:
    """Workers with so many credits each; notes who got what."""

    def __init__(self, *credit_counts: int) -> None:
        self.workers = Workers(SystemClock())
        self.given: list[tuple[str, str, int]] = []
        for count in credit_counts:
            hello = Hello(worker_id=f"w{count}", credits=count, node_types=["js@1"])
            self.workers.arrive(hello)

    def worker(self, name: str) -> Worker:
        return self.workers.by_id[name]

    def serving(self, kind: Kind) -> Crew[Worker]:
        return self.workers.serving(kind)

    def hand_over(self, worker, live, some, part) -> None:
        worker.free -= len(some)
        self.given.append((worker.id, live.id, len(some)))


def test_first_in_first_out():
    queues, desk = ready_queues(), Desk(2)
    for name in "abc":
        queues.add(live_with(name), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [name for _, name, _ in desk.given] == ["a", "b"]
    assert queues.depth == 1


def test_a_wide_execution_lets_others_through():
    queues, desk = ready_queues(), Desk(100)
    queues.add(live_with("wide", 90), refs(90))
    queues.add(live_with("small"), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [(name, count) for _, name, count in desk.given] == [
        ("wide", 32), ("small", 1), ("wide", 32), ("wide", 26),
    ]  # fmt: skip


def test_a_fan_out_spreads_over_the_workers():
    queues, desk = ready_queues(), Desk(51, 50)
    queues.add(live_with("fan", 10), refs(10))
    queues.hand_out(desk.serving, desk.hand_over)
    given = {name: sum(n for w, _, n in desk.given if w == name) for name in ("w51", "w50")}
    assert sorted(given.values()) == [5, 5]
    assert queues.depth == 0


def test_a_type_nobody_runs_does_not_hold_up_the_others():
    queues, desk = ready_queues(), Desk(9)
    queues.add(live_with("strange", uses="other@1"), refs(1))
    queues.add(live_with("plain"), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert [name for _, name, _ in desk.given] == ["plain"]
    assert queues.depth == 1


def test_what_became_void_while_it_waited_is_dropped():
    queues, desk = ready_queues(), Desk(9)
    live, gone = live_with("cancelled"), live_with("gone")
    queues.add(live, refs(1))
    queues.add(gone, refs(1))
    step(live.state, CancelAsked(""), 2)
    gone.gone = True
    queues.hand_out(desk.serving, desk.hand_over)
    assert desk.given == []
    assert queues.depth == 0


def test_an_execution_stays_with_its_worker_while_that_has_room():
    queues, desk = ready_queues(), Desk(1, 50)
    live = live_with("a", 2)
    live.favourite = desk.worker("w1")
    desk.worker("w50").free = 0
    queues.add(live, (NodeRef(0),))
    queues.add(live, (NodeRef(1),))
    queues.hand_out(desk.serving, desk.hand_over)
    assert desk.given == [("w1", "a", 1)]


def test_an_execution_leaves_a_worker_that_is_much_busier_than_another():
    queues, desk = ready_queues(), Desk(100, 101)
    live = live_with("a")
    live.favourite = desk.worker("w100")
    live.favourite.free -= 10
    queues.add(live, refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert desk.given == [("w101", "a", 1)]


def test_single_tasks_spread_over_idle_workers():
    queues, desk = ready_queues(), Desk(100, 101, 102, 103)
    for name in "abcd":
        queues.add(live_with(name), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    assert sorted(worker for worker, _, _ in desk.given) == ["w100", "w101", "w102", "w103"]


def test_single_tasks_go_to_busy_workers_in_runs():
    queues, desk = ready_queues(), Desk(1_000, 1_001)
    for worker in desk.workers.by_id.values():
        worker.free -= 400
        worker.ease()
    for number in range(64):
        queues.add(live_with(str(number)), refs(1))
    queues.hand_out(desk.serving, desk.hand_over)
    order = [worker for worker, _, _ in desk.given]
    assert sum(a != b for a, b in pairwise(order)) == 1
    assert order.count("w1000") == 32


def test_workers_with_other_types_besides_serve_a_kind_together():
    desk = Desk(10)
    hello = Hello(worker_id="both", credits=10, node_types=["js@1", "other@1"])
    both, _ = desk.workers.arrive(hello)
    assert len(desk.serving(Kind("default", "js@1"))) == 2
    assert desk.serving(Kind("default", "other@1")).least() is both
    desk.workers.drain(both)
    assert len(desk.serving(Kind("default", "js@1"))) == 1
    assert len(desk.serving(Kind("default", "other@1"))) == 0
    assert desk.serving(Kind("default", "other@1")).least() is None
