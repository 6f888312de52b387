"""A flow that needs others while it runs: a sub-workflow, a slot under a limit, a person, an effect
that must not happen twice, a branch for what fails."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from support.driving import Driver
from support.outside import Outside

NAME = "crowded"
SLOTS = 3

CHILD = """
flow: 1
id: crowded-child
params: {n: {type: integer}}
nodes:
  nap: {uses: delay@1, with: {duration: 200ms}}
  give: {needs: [nap], run: "return params.n * 2;"}
"""
FLOW = """
flow: 1
id: crowded
params: {n: {type: integer}, url: {type: string}}
defaults: {retry: fast}
nodes:
  first: {run: "return params.n;"}
  child:
    needs: [first]
    uses: workflow@1
    with: {workflow: crowded-child, params: {n: "${{ nodes.first.output }}"}}
  ask: {needs: [first], uses: approval@1, with: {title: "Number ${{ params.n }}?"}}
  narrow:
    needs: [first]
    concurrency: {key: narrow, limit: 3}
    uses: http@1
    with: {method: POST, url: "${{ params.url }}narrow"}
  pay:
    needs: [{node: ask, action: approved}]
    effects: once
    uses: http@1
    with: {method: POST, url: "${{ params.url }}pay"}
  risky: {needs: [first], run: "if (params.n % 3 === 0) throw new Error('three'); return 'fine';"}
  rescue: {needs: [{node: risky, on: failure}], run: "return 'rescued';"}
  last:
    needs: [child, narrow, pay, {node: risky, on: always}, {node: rescue, on: always}]
    run: "return { child: input.child, came: input.risky ?? input.rescue };"
output: ${{ nodes.last.output }}
"""


def check_result(body: dict[str, Any], n: int) -> None:
    """The run of `n` ended as it must."""
    assert body["status"] == "COMPLETED", body
    came = body["output"]["came"]
    assert (body["output"]["child"], came) == (2 * n, came if n % 3 == 0 else "fine"), body


@dataclass
class Person:
    """Answers every task until told to stop: approves, and looks outside whether an effect has
    happened."""

    driver: Driver
    outside: Outside
    doubted: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep_answering(self) -> None:
        while not self.stopped.is_set():
            page = await self.driver.ask("GET", f"/v1/tasks?workflow={NAME}&limit=100")
            for task in page["items"]:
                await self._answer(task)
            await asyncio.sleep(0.05)

    async def _answer(self, task: dict[str, Any]) -> None:
        body = {"decision": "approved", "by": "ann"}
        if task["kind"] == "effect":
            self.doubted += 1
            done = self.outside.done[f"{task['execution_id']}/{task['node']}/0"]
            body["decision"] = "happened" if done else "not_happened"
        path = f"/v1/tasks/{task['id']}/answer"
        async with self.driver.session.post(self.driver.url + path, json=body) as answer:
            assert answer.status in (200, 404, 409, 502, 503, 504), await answer.text()
