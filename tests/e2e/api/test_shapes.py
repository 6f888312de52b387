"""Real graphs run right, however they are shaped: every node once, after its parents, with all of
their outputs.

Each node's output is a number made of its own and of all that it is given, so that a node that ran
too early, or with something missing, shows in every number after it. Who judges reads the history
that the API tells and works the numbers out by itself.
"""

import json
from collections import Counter
from random import Random
from typing import Any

import aiohttp
import pytest

from penstock.embedded import ClusterFile

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MODULUS = 1_000_003
Graph = dict[str, list[str]]
"""Parents by node, in an order in which parents come first."""


def deep() -> Graph:
    return {f"n{at}": [f"n{at - 1}"] if at else [] for at in range(100)}


def wide() -> Graph:
    """One, 2,000, two that gather a thousand each, one."""
    graph: Graph = {"root": []}
    leaves = [f"w{at}" for at in range(2_000)]
    graph.update({leaf: ["root"] for leaf in leaves})
    graph.update({"left": leaves[:1_000], "right": leaves[1_000:], "end": ["left", "right"]})
    return graph


def layered() -> Graph:
    """Thirty layers of fifty, each node after four of the layer before."""
    rng, graph, before = Random(1), {}, []
    for layer in range(30):
        now = [f"l{layer}x{at}" for at in range(50)]
        graph.update({node: rng.sample(before, 4) if before else [] for node in now})
        before = now
    return graph


def random(seed: int) -> Graph:
    """A thousand nodes, each after up to six of any before it."""
    rng, graph = Random(seed), {}
    for at in range(1_000):
        known = list(graph)
        graph[f"r{at}"] = rng.sample(known, min(len(known), rng.choice((0, 1, 1, 2, 3, 6))))
    return graph


SHAPES = {"deep": deep(), "wide": wide(), "layered": layered(), "random": random(7)}


def source(name: str, graph: Graph, waits_ms: dict[str, int] | None = None) -> str:
    """The workflow; each node first waits so long, as one does that asks a service."""
    nodes = {}
    for number, (node, parents) in enumerate(graph.items()):
        add = f"Object.values(input).reduce((a, b) => (a + b) % {MODULUS}, {number})"
        wait = f"await sleep({waits_ms[node]}); " if waits_ms else ""
        nodes[node] = {"run": f"{wait}return {add};", **({"needs": parents} if parents else {})}
    last = next(reversed(graph))
    output = f"${{{{ nodes.{last}.output }}}}"
    return json.dumps({"flow": 1, "id": f"shape-{name}", "nodes": nodes, "output": output})


def numbers(graph: Graph) -> dict[str, int]:
    """What every node must come to."""
    found: dict[str, int] = {}
    for number, (node, parents) in enumerate(graph.items()):
        found[node] = number
        for parent in parents:
            found[node] = (found[node] + found[parent]) % MODULUS
    return found


async def changes_of(session: aiohttp.ClientSession, execution: str) -> list[dict[str, Any]]:
    """All that happened to nodes, in order."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        path = f"/v1/executions/{execution}/history?after={after}&limit=500"
        async with session.get(path) as answer:
            assert answer.ok, await answer.text()
            page = await answer.json()
        for item in page["items"]:
            found += item["event"].get("nodes", [])
        after = page["next_after"]
    return found


def judge(graph: Graph, changes: list[dict[str, Any]]) -> list[str]:
    """Every node completed once, on its first attempt, after all of its parents."""
    wrong: list[str] = []
    done: Counter[str] = Counter()
    for change in changes:
        node = change["id"]
        if change["status"] == "COMPLETED" and node in graph:
            done[node] += 1
            early = [parent for parent in graph[node] if not done[parent]]
            if early:
                wrong.append(f"{node} completed before {early[:3]}")
            if change.get("attempt", 1) != 1:
                wrong.append(f"{node} took {change['attempt']} attempts")
    return wrong + [f"{node} completed {done[node]} times" for node in graph if done[node] != 1]


@pytest.mark.parametrize("name", SHAPES)
async def test_every_node_runs_once_after_its_parents_with_all_their_outputs(
    name: str, cluster: ClusterFile
) -> None:
    graph = SHAPES[name]
    yaml = {"Content-Type": "application/yaml"}
    async with aiohttp.ClientSession(cluster.gateway_url) as session:
        async with session.post("/v1/workflows", data=source(name, graph), headers=yaml) as made:
            assert made.ok, await made.text()
        path = f"/v1/workflows/shape-{name}/executions?wait=120s"
        async with session.post(path, json={}) as answer:
            body = await answer.json()
        assert body["status"] == "COMPLETED", body
        assert body["output"] == numbers(graph)[next(reversed(graph))]
        assert judge(graph, await changes_of(session, body["id"])) == []
