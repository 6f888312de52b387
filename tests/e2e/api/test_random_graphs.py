"""Random graphs, run on the shipped cluster and held against a model of the rules of edges.

The model is written from docs/architecture.md and shares nothing with the engine.
"""

import asyncio
import json
import random
from typing import Any

import aiohttp
import pytest

from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

RETRY = {"max_attempts": 3, "initial_delay": "5ms", "on": ["transient", "system", "user"]}
KINDS = {
    "ok": {"run": "return Object.keys(input).length;"},
    "set": {"uses": "set@1", "with": {"value": {"a": "${{ Object.keys(input).length }}"}}},
    "nap": {"uses": "delay@1", "with": {"duration": "10ms"}},
    "fail": {"run": "throw new Error('boom');"},
    "heal": {"run": "if (run.attempt < 3) throw new Error('x');", "retry": RETRY},
    "when": {"run": "return 1;", "when": "${{ [].length }}"},
    "each": {"for_each": "${{ [1, 2, 3].map((x) => x * 2) }}", "run": "return item + 1;"},
    "none": {"for_each": [], "run": "return item;"},
    "eachfail": {"for_each": [1, 2, 3], "run": "if (item === 2) throw new Error('no');"},
    "eachheal": {
        "for_each": [1, 2, 3],
        "max_parallel": 1,
        "run": "if (run.attempt < item) throw new Error('no');",
        "retry": RETRY,
    },
    "route": {},
    "pick": {},
}
FAILING = ("fail", "eachfail")


class Graph:
    """A random flow, and what must become of its nodes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.ids = [f"n{number}" for number in range(self._random.randint(2, 14))]
        self.kind: dict[str, str] = {}
        self.on_error: dict[str, str] = {}
        self.chosen: dict[str, Any] = {}
        self.edges: dict[str, list[dict[str, str]]] = {one: [] for one in self.ids}
        for at, node in enumerate(self.ids):
            self._add(node, self.ids[:at])
        for at, node in enumerate(self.ids):
            self._finish(node, self.ids[at + 1 :])

    def _add(self, node: str, before: list[str]) -> None:
        draw = self._random
        self.kind[node] = draw.choice([*KINDS, "ok", "ok", "ok", "fail"])
        self.on_error[node] = draw.choice(["fail", "continue", "skip"])
        for parent in draw.sample(before, min(len(before), draw.choice([0, 1, 1, 2, 3, 5]))):
            edge = {"node": parent, "on": draw.choice(["success"] * 5 + ["failure", "always"])}
            if self.kind[parent] == "route" and draw.random() < 0.6:
                edge = {"node": parent, "action": draw.choice("ab")}
            self.edges[node].append(edge)

    def _finish(self, node: str, after: list[str]) -> None:
        draw = self._random
        if self.kind[node] == "route":
            self.chosen[node] = draw.choice(["a", "b", None])
        elif self.kind[node] == "pick":
            children = [one for one in after if self._edge(node, one)]
            self.chosen[node] = [one for one in children if draw.random() < 0.5]
        elif self.kind[node] in FAILING and after and draw.random() < 0.3:
            rescuer = draw.choice(after)
            if not self._edge(node, rescuer):
                self.on_error[node] = rescuer

    def _edge(self, parent: str, child: str) -> bool:
        return any(edge["node"] == parent for edge in self.edges[child])

    def source(self, name: str) -> str:
        nodes = {node: self._definition(node) for node in self.ids}
        return json.dumps({"flow": 1, "id": name, "nodes": nodes})

    def _definition(self, node: str) -> dict[str, Any]:
        kind = self.kind[node]
        made: dict[str, Any] = dict(KINDS[kind])
        if kind == "route":
            chosen = self.chosen[node]
            largest = "2" if chosen == "a" else "1"
            in_sandbox = "${{ Math.max(1, 2) === " + largest + " }}"
            cases = [{"when": in_sandbox, "action": "a"}, {"when": chosen == "b", "action": "b"}]
            made |= {"uses": "switch@1", "with": {"cases": cases}}
        elif kind == "pick":
            made["run"] = f"return {{__next: {json.dumps(self.chosen[node])}}};"
        elif kind in FAILING:
            made["on_error"] = self.on_error[node]
        if self.edges[node]:
            made["needs"] = self.edges[node]
        return made

    def expected(self) -> dict[str, str] | None:
        """Status by node; None if some failure is handled by nobody."""
        status: dict[str, str] = {}
        for node in self.ids:
            edges = [*self.edges[node], *self._rescues(node)]
            is_taken = not edges or any(self._is_taken(edge, node, status) for edge in edges)
            status[node] = self._outcome(node) if is_taken else "SKIPPED"
            if status[node] == "FAILED" and not self._is_handled(node):
                return None
        return status

    def _rescues(self, node: str) -> list[dict[str, str]]:
        return [{"node": one, "on": "failure"} for one in self.ids if self.on_error[one] == node]

    def _is_taken(self, edge: dict[str, str], child: str, status: dict[str, str]) -> bool:
        parent, on = edge["node"], edge.get("on", "success")
        ended = status[parent]
        if ended == "FAILED":
            softly = self.on_error[parent] == "continue" and "action" not in edge
            return on in ("failure", "always") or (softly and on == "success")
        if ended == "SKIPPED" or on == "failure":
            return False
        if "action" in edge:
            return bool(self.chosen[parent] == edge["action"])
        if on == "success" and parent in self.chosen:
            chosen = self.chosen[parent]
            return child in chosen if isinstance(chosen, list) else chosen is not None
        return True

    def _outcome(self, node: str) -> str:
        kind, on_error = self.kind[node], self.on_error[node]
        if kind == "when":
            return "SKIPPED"
        if kind not in FAILING or (kind == "eachfail" and on_error == "continue"):
            return "COMPLETED"
        return "SKIPPED" if on_error == "skip" else "FAILED"

    def _is_handled(self, node: str) -> bool:
        if self.on_error[node] == "continue" or self.on_error[node] in self.ids:
            return True
        edges = [edge for child in self.ids for edge in self.edges[child]]
        return any(
            edge["node"] == node and edge.get("on") in ("failure", "always") for edge in edges
        )


async def run_one(session: aiohttp.ClientSession, seed: int) -> str:
    """What is wrong with the run of one graph; empty if nothing is."""
    graph, name = Graph(seed), f"random-{seed}"
    yaml = {"Content-Type": "application/yaml"}
    async with session.post("/v1/workflows", data=graph.source(name), headers=yaml) as answer:
        if not answer.ok:
            return f"seed {seed}: {await answer.text()}"
    async with session.post(f"/v1/workflows/{name}/executions?wait=60s", json={}) as answer:
        body = await answer.json()
    expected = graph.expected()
    if body["status"] != ("COMPLETED" if expected else "FAILED"):
        return f"seed {seed}: {body}"
    if expected is None:
        return ""
    async with session.get(f"/v1/executions/{body['id']}") as answer:
        seen = {node["id"]: node["status"] for node in (await answer.json())["nodes"]}
    wrong = {node: (seen[node], want) for node, want in expected.items() if seen[node] != want}
    return f"seed {seed}: {wrong}" if wrong else ""


async def test_every_node_of_random_graphs_ends_as_the_rules_say(cluster: ClusterFile):
    at_once = asyncio.Semaphore(12)

    async def limited(session: aiohttp.ClientSession, seed: int) -> str:
        async with at_once:
            return await run_one(session, seed)

    async with aiohttp.ClientSession(cluster.gateway_url) as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(limited(session, seed)) for seed in range(300)]
        await asyncio.wait(tasks)
    assert [task.result() for task in tasks if task.result()] == []
