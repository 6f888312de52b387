"""The step debugger through the client and the command line, on the shipped cluster."""

import asyncio
import json
from typing import Any

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk.client import Client, open_client
from penstock.sdk.debug_models import BreakpointAt, DebugState
from penstock.sdk.errors import ApiError
from penstock.sdk.interventions import Intervention
from penstock.sdk.start_options import StartOptions
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: stepped
mode: debug
params: {n: {type: number, default: 3}}
nodes:
  first: {run: "return params.n;"}
  left: {needs: [first], run: "return payload + 1;", breakpoint: before}
  right: {needs: [first], run: "return payload * 10;"}
  sum: {needs: [left, right], run: "return input.left + input.right;", breakpoint: after}
output: ${{ nodes.sum.output }}
"""

PLAIN = """
flow: 1
id: awaited
nodes:
  ask: {uses: wait@1, with: {signal: go}}
  items: {needs: [ask], run: "return [1, 2, 3];"}
  each: {needs: [items], for_each: "${{ nodes.items.output }}", run: "return item * 2;"}
  last: {needs: [each], run: "return payload.length;"}
"""


@pytest.fixture
async def client(cluster: ClusterFile):
    async with open_client(cluster.gateway_url) as opened:
        yield opened


async def started(client: Client, source: str, **params: Any) -> str:
    applied = await client.apply(source)
    return (await client.start(applied.name, params)).id


def held(state: DebugState) -> list[tuple[str, str]]:
    return sorted((each.node, each.place) for each in state.held)


async def refused(call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


async def test_breakpoints_of_the_file_hold_before_and_after(client: Client):
    run = await started(client, FLOW)
    state = await client.debug.wait_held(run)
    assert held(state) == [("left", "before")]
    assert [each.id for each in state.breakpoints] == ["file:left", "file:sum"]
    inside = await client.debug.inspect(run, "left")
    assert (inside.input, inside.params) == ({"first": 3}, {"n": 3})
    node = {each.id: each for each in (await client.get_execution(run)).nodes}["left"]
    assert "Held before it runs by breakpoint 'file:left'" in node.waiting_for
    await client.debug.edit_input(run, "left", {"first": 100})
    assert (await client.debug.inspect(run, "left")).edited_input == {"first": 100}
    await client.debug.go_on(run)
    state = await client.debug.wait_held(run)
    assert held(state) == [("sum", "after")]
    assert state.held[0].output == 131
    await client.debug.edit_output(run, "sum", {"edited": True})
    await client.debug.go_on(run)
    assert (await client.wait(run)).output == {"edited": True}
    assert (await client.debug.state(run)).status == "COMPLETED"


async def test_a_run_is_stepped_through_node_by_node(client: Client):
    run = await started(client, FLOW.replace("before", '"${{ false }}"'))
    await client.debug.wait_held(run)
    await client.debug.detach(run)
    ended = await client.wait(run)
    made = await client.history.rerun(run, ["first"], debug=True)
    order = []
    state = await client.debug.wait_held(made.id)
    while state.held:
        order.append(state.held[0].node)
        await client.debug.step(made.id, state.held[0].node)
        state = await client.debug.wait_held(made.id)
    assert order[0] == "first"
    assert sorted(order[1:3]) == ["left", "right"]
    assert order[3:] == ["sum", "sum"], "before it runs by the step, after by the file"
    assert (await client.wait(made.id)).output == ended.output


async def test_a_running_execution_is_attached_to_and_held_on_an_edge_and_at_items(client: Client):
    run = await started(client, PLAIN)
    await client.debug.attach(run, [BreakpointAt("each", condition="${{ item > 1 }}", hits=2)])
    await client.debug.set_breakpoints(run, [BreakpointAt("last", parent="each", id="edge")])
    await client.signal(run, "go")
    state = await client.debug.wait_held(run)
    assert [(each.node, each.item) for each in state.held] == [("each", 2)]
    assert (await client.debug.inspect(run, "each", item=2)).item == 3
    await client.debug.edit_input(run, "each", 50, item=2)
    await client.debug.go_on(run)
    state = await client.debug.wait_held(run)
    assert held(state) == [("last", "before")]
    assert (await client.debug.inspect(run, "last")).input == {"each": [2, 4, 100]}
    assert {each.id: each.met for each in state.breakpoints}["edge"] == 1
    await client.debug.detach(run)
    assert (await client.wait(run)).output == 3


async def test_items_count_from_0_in_what_is_held_and_named_and_said(client: Client):
    run = await started(client, PLAIN)
    await client.debug.attach(run, [BreakpointAt("each", condition="${{ item > 0 }}")])
    await client.signal(run, "go")
    while len((state := await client.debug.wait_held(run)).held) < 3:
        await asyncio.sleep(0)
    assert [(each.node, each.item) for each in state.held] == [("each", n) for n in range(3)]
    assert (await client.debug.inspect(run, "each", item=0)).item == 1
    assert (await client.debug.inspect(run, "each")).item is None
    await client.debug.step(run, "each", item=0)
    problem = (await refused(client.debug.step(run, "each", item=0))).problem
    assert problem.detail == "Item 0 of node each is not held."
    problem = (await refused(client.debug.edit_input(run, "each", 9, item=0))).problem
    assert "Item 0 of node each is not held before it runs" in problem.detail
    problem = (await refused(client.debug.edit_input(run, "each", 9, item=3))).problem
    assert "Item 3 of node each" in problem.detail
    assert (
        "has no item 3" in (await refused(client.debug.inspect(run, "each", item=3))).problem.detail
    )
    assert "no item -1" in (await refused(client.debug.step(run, "each", item=-1))).problem.detail
    assert "no node" in (await refused(client.debug.step(run, item=1))).problem.detail
    hand = Intervention(operation="skip", item=3)
    problem = (await refused(client.interventions.intervene(run, "each", hand))).problem
    assert problem.detail == "Node each has 3 items, from 0; there is no item 3."
    await client.debug.detach(run)
    assert (await client.wait(run)).output == 3


async def test_a_sub_workflow_is_one_step_or_is_stepped_into(client: Client):
    await client.apply(
        "flow: 1\nid: inner\nnodes:\n  one: {run: 'return 1;'}\n"
        "  two: {needs: [one], run: 'return payload + 1;'}\n"
    )
    outer = """
flow: 1
id: outer
nodes:
  call: {uses: workflow@1, with: {workflow: inner}}
  after: {needs: [call], run: "return payload * 10;"}
"""
    name = (await client.apply(outer)).name
    over = await client.start(name, options=StartOptions(debug=True))
    await client.debug.wait_held(over.id)
    await client.debug.step(over.id)
    assert held(await client.debug.wait_held(over.id)) == [("after", "before")]
    into = await client.start(name, options=StartOptions(debug=True))
    await client.debug.wait_held(into.id)
    await client.debug.step(into.id, "call", into=True)
    child = await child_of(client, into.id)
    assert held(await client.debug.wait_held(child)) == [("one", "before")]
    await client.debug.detach(child)
    assert held(await client.debug.wait_held(into.id)) == [("after", "before")]
    for run in (over.id, into.id):
        await client.debug.detach(run)
        assert (await client.wait(run)).output == 20


async def child_of(client: Client, run: str) -> str:
    """The execution that was started by another one, once it is there."""
    while True:
        page = await client.children.list(run)
        if page.items:
            return page.items[0].execution.id
        await asyncio.sleep(0)


async def test_what_makes_no_sense_is_refused_and_changes_nothing(client: Client):
    run = await started(client, PLAIN)
    assert (await refused(client.debug.step(run))).problem.code == "CONFLICT"
    await client.debug.attach(run)
    for point, words in (
        (BreakpointAt("eech"), "Did you mean each?"),
        (BreakpointAt("last", parent="items"), "one of its parents"),
        (BreakpointAt("last", condition="${{ nodes.items.output }}"), "Change the condition"),
        (BreakpointAt("last", condition="${{ payload.map(x => x) }}"), "Change the condition"),
        (BreakpointAt("last", condition="nothing"), "Change the condition"),
        (BreakpointAt("last", hits=0), "from 1 to"),
    ):
        problem = (await refused(client.debug.set_breakpoints(run, [point]))).problem
        assert words in problem.fix, (point, problem)
    wrong = BreakpointAt("last", condition="${{ payload.net > > 1 }}")
    problem = (await refused(client.debug.set_breakpoints(run, [wrong]))).problem
    assert "column 15" in problem.detail
    assert "unexpected `>`" in problem.detail
    for call in (
        client.debug.step(run),
        client.debug.step(run, "last"),
        client.debug.run_to(run, "ask"),
        client.debug.clear_breakpoint(run, "none"),
        client.debug.edit_input(run, "last", {}),
        client.debug.edit_output(run, "last", 1),
    ):
        assert (await refused(call)).problem.status == 409
    assert (await refused(client.debug.inspect(run, "lost"))).problem.status == 404
    assert not (await client.debug.state(run)).breakpoints
    await client.cancel(run)
    assert (await refused(client.debug.attach(run))).problem.status == 409
    assert (await refused(client.debug.state("01JD0000000000000000000000"))).problem.status == 404


async def test_the_command_line_steps_and_looks(client: Client, penstock: Penstock):
    run = await started(client, PLAIN)
    assert penstock("debug", "attach", run, "--stop").returncode == 0
    assert "after:last" in penstock("debug", "break", run, "last", "--after").stdout
    await client.signal(run, "go")
    state = json.loads(penstock("debug", "run-to", run, "last", "-o", "json").stdout)
    assert [each["node"] for each in state["held"]] == ["last"]
    assert 'input: {"each": [2, 4, 6]}' in penstock("debug", "inspect", run, "last").stdout
    stepped = penstock("debug", "step", run)
    assert "after:last" in stepped.stdout, stepped.stderr
    assert penstock("debug", "edit", run, "last", "--new-output", "7").returncode == 0
    assert penstock("debug", "edit", run, "last").returncode == 2
    assert "COMPLETED" in penstock("debug", "continue", run).stdout
    assert (await client.get_execution(run)).output == 7
