"""How near to their critical path graphs of many shapes run, on a cluster of real processes.

`PYTHONPATH=tests python -m bench.shapes`. Each shape of `tests/e2e/api/test_shapes.py` runs in two
ways, the best of three runs counts:

* **trivial**: nodes take no time, so all there is to see is what the engine costs: dispatch,
  commits, and waiting for a free core. The critical path is the longest chain of nodes by their own
  times.
* **waiting**: nodes wait 20 to 200 ms each, drawn under a seed, as nodes do that ask a service. The
  critical path is the longest chain of what they were told to wait; nothing can be faster.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from e2e.api.test_shapes import SHAPES, Graph, changes_of, numbers, source
from support.cluster import dev_cluster

_RUNS = 3
_SEED = 11
_SHORTEST_MS, _DECADES = 20, 1


def _ms(change: dict[str, Any]) -> float:
    """How long a node took, by its own times."""
    started, finished = change.get("started_at"), change.get("finished_at")
    if not started or not finished:
        return 0.0
    taken = datetime.fromisoformat(finished) - datetime.fromisoformat(started)
    return max(0.0, taken.total_seconds() * 1000)


def critical_ms(graph: Graph, took_ms: Mapping[str, float]) -> float:
    """The longest chain."""
    longest: dict[str, float] = {}
    for node, parents in graph.items():
        before = max((longest[parent] for parent in parents), default=0.0)
        longest[node] = before + took_ms.get(node, 0.0)
    return max(longest.values())


def drawn_waits(graph: Graph) -> dict[str, int]:
    """How long each node waits: as many short waits as long ones, on a logarithmic scale."""
    rng = Random(_SEED)
    return {node: round(_SHORTEST_MS * 10 ** (rng.random() * _DECADES)) for node in graph}


async def put(session: aiohttp.ClientSession, text: str) -> None:
    """Register a workflow."""
    yaml = {"Content-Type": "application/yaml"}
    async with session.post("/v1/workflows", data=text, headers=yaml) as made:
        made.raise_for_status()


async def run(session: aiohttp.ClientSession, name: str, graph: Graph) -> tuple[float, str]:
    """One execution: how long it took as its caller sees it, and its id."""
    begun = asyncio.get_running_loop().time()
    path = f"/v1/workflows/shape-{name}/executions?wait=120s"
    async with session.post(path, json={}) as answer:
        body = await answer.json()
    total_ms = (asyncio.get_running_loop().time() - begun) * 1000
    if body.get("output") != numbers(graph)[next(reversed(graph))]:
        raise SystemExit(f"{name} came to a wrong end: {body}")
    return total_ms, body["id"]


async def trivial(session: aiohttp.ClientSession, name: str) -> tuple[float, float]:
    """The best run of a shape whose nodes take no time, and its critical path."""
    graph = SHAPES[name]
    await put(session, source(name, graph))
    best = (float("inf"), 0.0)
    for _ in range(_RUNS):
        total_ms, execution_id = await run(session, name, graph)
        changes = await changes_of(session, execution_id)
        took = {one["id"]: _ms(one) for one in changes if one["status"] == "COMPLETED"}
        best = min(best, (total_ms, critical_ms(graph, took)))
    return best


async def waiting(session: aiohttp.ClientSession, name: str) -> tuple[float, float]:
    """The same for nodes that wait."""
    graph = SHAPES[name]
    waits_ms = drawn_waits(graph)
    await put(session, source(name, graph, waits_ms))
    runs = [await run(session, name, graph) for _ in range(_RUNS)]
    return min(total_ms for total_ms, _ in runs), critical_ms(graph, waits_ms)


async def measure_all(url: str, names: list[str]) -> None:
    """These shapes, both ways."""
    print(f"{'shape':10}{'nodes':>7}{'':11}{'whole':>10}{'critical path':>16}{'ratio':>8}")
    async with aiohttp.ClientSession(url) as session:
        for kind, measure in (("trivial", trivial), ("waiting", waiting)):
            for name in names:
                total_ms, path_ms = await measure(session, name)
                ratio = f"{total_ms / path_ms:8.2f}" if kind == "waiting" else ""
                size = f"{name:10}{len(SHAPES[name]):7}   {kind:8}"
                print(f"{size}{total_ms:7.0f} ms{path_ms:13.1f} ms{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], help="all if none is named")
    names = parser.parse_args().shapes or list(SHAPES)
    with tempfile.TemporaryDirectory() as folder, dev_cluster(Path(folder)) as found:
        asyncio.run(measure_all(found.gateway_url, names))


if __name__ == "__main__":
    main()
