"""Coordinator, worker and state killed together at chosen points of an execution's life: each time
the point is on record, or its answer was given, and nothing later is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.embedded import ClusterFile, find_live_cluster
from support.cluster import dev_cluster
from support.points import Seen, driving, judged, kill, node_is, shows, until

CHAIN = """
flow: 1
id: chain
nodes:
  a: {run: "return 1;"}
  b: {needs: [a], effects: idempotent, run: "return payload + 1;"}
  c: {needs: [b], effects: idempotent, run: "return payload + 1;"}
"""
DELAYED = """
flow: 1
id: delayed
nodes:
  nap: {uses: delay@1, with: {duration: 1s}}
  after: {needs: [nap], run: "return 'awake';"}
"""
WAITING = """
flow: 1
id: waiting
nodes:
  ask: {uses: wait@1, with: {signal: go}}
  after: {needs: [ask], run: "return payload;"}
"""
FAILING = """
flow: 1
id: failing
nodes:
  shaky:
    retry: {max_attempts: 2, initial_delay: 1s, jitter: 0, on: [user, permanent, transient, system]}
    run: "if (run.attempt < 2) throw new Error('not yet'); return run.attempt >= 2;"
"""
JOINING = """
flow: 1
id: joining
nodes:
  list: {run: "return Array.from({length: 200}, (_, k) => k);"}
  each:
    needs: [list]
    for_each: ${{ nodes.list.output }}
    max_parallel: 20
    run: "return 'x'.repeat(1000) + item;"
  sum: {needs: [each], run: "return payload.length;"}
"""


@dataclass(frozen=True)
class Point:
    """When to kill, in which flow, and what must come out all the same. `seen` None: at once."""

    name: str
    source: str
    flow: str
    seen: Seen | None
    output: Any


POINTS = [
    Point("its start was acknowledged", CHAIN, "chain", None, 3),
    Point("a result is stored", CHAIN, "chain", node_is("b", "COMPLETED"), 3),
    Point("it sleeps", DELAYED, "delayed", node_is("nap", "WAITING"), "awake"),
    Point("it backs off", FAILING, "failing", node_is("shaky", "WAITING"), True),
    Point("items are running", JOINING, "joining", node_is("each", "RUNNING", items_done=20), 200),
    Point("it is joined", JOINING, "joining", node_is("each", "COMPLETED"), 200),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a cluster runs that all tests here use."""
    folder = tmp_path_factory.mktemp("points")
    with dev_cluster(folder):
        yield folder


@pytest.fixture
def cluster(folder: Path) -> ClusterFile:
    found = find_live_cluster(folder)
    assert found is not None
    return found


@pytest.mark.chaos
@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_an_execution_ends_well_though_all_are_killed_when(
    cluster: ClusterFile, folder: Path, point: Point
):
    async with driving(cluster, point.source) as driver:
        execution_id = await driver.start(point.flow, point.name, {})
        seen = point.seen
        if seen is not None:
            await until(lambda: shows(driver, execution_id, seen))
        kill(folder)
        end = await driver.run(point.flow, point.name, {})
        assert (end["status"], end["output"]) == ("COMPLETED", point.output)
    assert await judged(cluster, execution_id) == []


@pytest.mark.chaos
@pytest.mark.timeout(120)
async def test_a_signal_that_was_acknowledged_arrives_though_all_are_killed(
    cluster: ClusterFile, folder: Path
):
    async with driving(cluster, WAITING) as driver:
        execution_id = await driver.start("waiting", "signalled", {})
        path = f"/v1/executions/{execution_id}/signals/go"
        await driver.ask("POST", path, json={"payload": "data", "id": "one"})
        kill(folder)
        await driver.ask("POST", path, json={"payload": "data", "id": "one"})
        end = await driver.run("waiting", "signalled", {})
        assert (end["status"], end["output"]) == ("COMPLETED", "data")
    assert await judged(cluster, execution_id) == []


@pytest.mark.chaos
@pytest.mark.timeout(120)
async def test_a_cancel_that_was_acknowledged_stays_though_all_are_killed(
    cluster: ClusterFile, folder: Path
):
    async with driving(cluster, DELAYED) as driver:
        execution_id = await driver.start("delayed", "cancelled", {})
        await driver.ask("POST", f"/v1/executions/{execution_id}/cancel", json={"reason": "no"})
        kill(folder)
        end = await driver.run("delayed", "cancelled", {})
        assert end["status"] == "CANCELLED"
    assert await judged(cluster, execution_id) == []
