"""How near to their critical path graphs of many shapes run, on a cluster of real processes.

`PYTHONPATH=tests python -m bench.shapes`. Each shape of `tests/e2e/api/test_shapes.py` runs three
times; the critical path is the longest chain of nodes by the time that each was told to take, so
what lies between it and the whole is the engine's: dispatch, commits, and waiting for a free core.
"""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from e2e.api.test_shapes import SHAPES, Graph, changes_of, source
from support.cluster import dev_cluster

_RUNS = 3


def _ms(change: dict[str, Any]) -> float:
    """How long a node took, by its own times."""
    started, finished = change.get("started_at"), change.get("finished_at")
    if not started or not finished:
        return 0.0
    taken = datetime.fromisoformat(finished) - datetime.fromisoformat(started)
    return max(0.0, taken.total_seconds() * 1000)


def critical_ms(graph: Graph, took_ms: dict[str, float]) -> float:
    """The longest chain."""
    longest: dict[str, float] = {}
    for node, parents in graph.items():
        before = max((longest[parent] for parent in parents), default=0.0)
        longest[node] = before + took_ms.get(node, 0.0)
    return max(longest.values())


async def measure(session: aiohttp.ClientSession, name: str) -> None:
    """Run a shape and print its best run."""
    graph, yaml = SHAPES[name], {"Content-Type": "application/yaml"}
    async with session.post("/v1/workflows", data=source(name, graph), headers=yaml) as made:
        made.raise_for_status()
    best = (float("inf"), 0.0)
    for _ in range(_RUNS):
        begun = asyncio.get_running_loop().time()
        path = f"/v1/workflows/shape-{name}/executions?wait=120s"
        async with session.post(path, json={}) as answer:
            body = await answer.json()
        total_ms = (asyncio.get_running_loop().time() - begun) * 1000
        changes = await changes_of(session, body["id"])
        took = {one["id"]: _ms(one) for one in changes if one["status"] == "COMPLETED"}
        best = min(best, (total_ms, critical_ms(graph, took)))
    total_ms, path_ms = best
    print(f"{name:10}{len(graph):7} nodes{total_ms:10.0f} ms{path_ms:10.1f} ms", flush=True)


async def measure_all(url: str) -> None:
    """Every shape."""
    print(f"{'shape':10}{'':13}{'whole':>13}{'critical path':>16}")
    async with aiohttp.ClientSession(url) as session:
        for name in SHAPES:
            await measure(session, name)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, dev_cluster(Path(folder)) as found:
        asyncio.run(measure_all(found.gateway_url))


if __name__ == "__main__":
    main()
