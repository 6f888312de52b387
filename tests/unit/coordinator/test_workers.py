"""Who takes tasks, and which workers are a coordinator's own."""

import pytest

from penstock.api.dispatch.v1.dispatch_service_pb2 import Hello
from penstock.common.clock import SystemClock
from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.shell.dispatch.workers import Worker, Workers

KIND = Kind("default", "js@1")


def hello(name: str, pool: str = "default") -> Hello:
    return Hello(worker_id=name, pool=pool, credits=100, node_types=["js@1"])


def workers_of(coordinators: int, rank: int, *names: str) -> Workers:
    workers = Workers(SystemClock())
    workers.share_with(coordinators, rank)
    for name in names:
        workers.arrive(hello(name))
    return workers


def own(workers: Workers) -> list[str]:
    workers.serving(KIND)
    return [worker.id for worker in workers.by_id.values() if not worker.away]


@pytest.mark.parametrize("coordinators", [1, 2, 3, 4, 9])
def test_every_worker_is_the_own_one_of_one_coordinator(coordinators):
    names = [f"w{n}" for n in range(8)]
    found = [own(workers_of(coordinators, rank, *names)) for rank in range(coordinators)]
    assert sorted(name for some in found for name in some) == names
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_the_order_in_which_workers_come_does_not_matter():
    assert set(own(workers_of(2, 1, "a", "b", "c", "d"))) == {"b", "d"}
    assert set(own(workers_of(2, 1, "d", "a", "c", "b"))) == {"b", "d"}


def test_workers_are_shared_out_anew_when_coordinators_come_and_go():
    workers = workers_of(1, 0, "a", "b", "c", "d")
    assert own(workers) == ["a", "b", "c", "d"]
    workers.share_with(2, 0)
    assert own(workers) == ["a", "c"]
    assert len(workers.serving(KIND)) == 4
    workers.share_with(1, 0)
    assert own(workers) == ["a", "b", "c", "d"]


def test_each_pool_is_shared_out_by_itself():
    workers = workers_of(2, 0, "a", "c")
    workers.arrive(hello("b", "gpu"))
    assert own(workers) == ["a", "b"]


def test_tasks_go_to_the_own_workers_until_those_are_much_busier():
    workers = workers_of(2, 0, "a", "b")
    busy, idle = workers.by_id["a"], workers.by_id["b"]
    assert own(workers) == ["a"]
    workers.heard(idle, 20)
    for _ in range(40):
        assert chosen(workers) is busy
        busy.free -= 1
    busy.free -= 20
    assert chosen(workers) is idle


def chosen(workers: Workers) -> Worker | None:
    return workers.serving(KIND).least()


def test_a_worker_that_drains_gets_nothing_and_one_that_returns_does():
    workers = workers_of(2, 0, "a")
    worker = workers.by_id["a"]
    workers.drain(worker)
    assert chosen(workers) is None
    workers.arrive(hello("a"))
    assert chosen(workers) is worker
