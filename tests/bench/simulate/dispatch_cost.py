"""What it costs the coordinator to decide who gets a task, in real CPU time: the shell's own ready
queues, placement and workers, without the core and the messages. It should be the same however many
workers there are and however much waits."""

import gc
import time
from collections.abc import Sequence
from typing import Any, cast

from bench.simulate.desk import Run
from bench.simulate.virtual_time import VirtualTime
from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.coordinator.queueing.queue import FairRules
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Live, Phase, Shard
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import NodePlan, Plan

WORKERS = (1, 2, 10, 100, 1_000)
READY = (1, 10, 100, 1_000, 10_000, 100_000)
_TURN = 100
"""Tasks that become ready in one turn, where the number of workers is what varies."""
_MANY = 1_000
_TASKS = 20_000
_ROUNDS = 3
_CREDITS = 2_000_000
"""Room over all workers: more than waits."""
_REF = (NodeRef(0),)


class _Table:
    """Workers, a queue, and executions that come back to it again and again."""

    def __init__(self, workers: int, ready: int) -> None:
        self.workers = Workers(VirtualTime())
        for n in range(workers):
            hello = Hello(worker_id=f"w{n}", node_types=["js@1"], credits=_CREDITS // workers)
            self.workers.arrive(hello)
        self.queues = ReadyQueues(VirtualTime(), FairRules(30.0, {}))
        shard = Shard(0, 1, 0)
        shard.phase = Phase.OWNED
        plan = Plan("p", "h", (NodePlan(0, "n", "js@1"),), 0)
        self.runs = [cast("Live", cast("Any", Run(str(n), plan, shard, 1))) for n in range(ready)]
        self.given: list[tuple[Worker, Live]] = []

    def turn(self) -> None:
        """All executions become ready and are handed out."""
        add = self.queues.add
        for run in self.runs:
            add(run, _REF)
        self.queues.hand_out(self.workers.serving, self._hand_over)

    def _hand_over(self, worker: Worker, live: Live, refs: Sequence[NodeRef], part: bool) -> None:
        worker.free -= len(refs)
        self.given.append((worker, live))

    def settle(self) -> None:
        """All attempts are done."""
        for worker, live in self.given:
            worker.give_back(live.id, _REF[0])
        self.given.clear()


def us_per_task(workers: int, ready: int) -> float:
    """CPU microseconds from ready to handed over and back, per task: the best of some rounds, for
    whatever else runs on the machine only ever adds."""
    table = _Table(workers, ready)
    turns = max(1, _TASKS // ready)
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            begun = time.process_time()
            for _ in range(turns):
                table.turn()
                table.settle()
            best = min(best, time.process_time() - begun)
    finally:
        gc.enable()
    return best / (turns * ready) * 1e6


def by_workers() -> dict[int, float]:
    """Cost per task with so many workers, a hundred tasks a turn."""
    return {n: us_per_task(n, _TURN) for n in WORKERS}


def by_ready() -> dict[int, float]:
    """Cost per task with so many tasks ready at once, a thousand workers."""
    return {n: us_per_task(_MANY, n) for n in READY}
