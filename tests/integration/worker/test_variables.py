"""Execution variables on a real worker with the real sandbox."""

import pytest

from support.worker_world import ids, open_world

FLOW = """
nodes:
  a: {run: "vars.set('n', vars.get('n') + 1); vars.delete('old'); return vars.get('n')"}
  b: {needs: [a], run: "return vars.get('n')"}
  plain: {needs: [a], run: "return 1"}
  told:
    needs: [a]
    uses: log@1
    with: {message: "${{ vars.n }} and ${{ vars.list.map(x => x + 1) }}"}
  asked: {needs: [a], when: "${{ vars.n > 5 && vars.list.includes(2) }}", run: "return 1"}
  each: {for_each: "${{ vars.list }}", run: "vars.set(`i${item}`, item)"}
  failing: {run: "vars.set('n', 1); throw new Error('no')"}
  wrong: {run: "vars.set('n', 1); return {__next: ['nobody']}"}
"""
VARS = b'{"n":1,"old":0,"list":[1,2]}'


@pytest.fixture
async def world(sandbox_address):
    async with open_world(sandbox_address=sandbox_address, drain_s=1.0) as opened:
        yield opened


async def test_what_a_script_changes_comes_with_its_outcome(world):
    plan = world.flow(FLOW)
    world.dispatch(plan, "a", vars_json=VARS)
    report = await world.report()
    first = report.outcomes[0]
    assert first.completed.output.json == b"2"
    assert dict(zip(first.vars.names, first.vars.values_json, strict=True)) == {
        "n": b"2",
        "old": b"",
    }


async def test_a_worker_goes_on_only_to_nodes_that_use_no_variables(world):
    plan = world.flow(FLOW)
    world.dispatch(plan, "a", vars_json=VARS)
    assert ids(plan, await world.report()) == ["a", "plain"]


async def test_expressions_read_variables_natively_and_in_the_sandbox(world):
    plan = world.flow(FLOW)
    world.dispatch(plan, "told", inputs={"a": 1}, vars_json=VARS)
    outcome = await world.outcome()
    assert [line.message for line in outcome.logs] == ["1 and [2,3]"]
    world.dispatch(plan, "asked", inputs={"a": 1}, vars_json=VARS)
    assert (await world.outcome()).HasField("condition_false")


async def test_lists_come_from_variables_and_items_change_them(world):
    plan = world.flow(FLOW)
    world.dispatch(plan, "each", vars_json=VARS)
    assert list((await world.outcome()).fanned_out.items_json) == [b"1", b"2"]
    world.dispatch(plan, "each", item=2, task={"item_json": b"2"}, vars_json=VARS)
    assert list((await world.outcome()).vars.names) == ["i2"]


@pytest.mark.parametrize(
    ("node", "reason"), [("failing", "SCRIPT_ERROR"), ("wrong", "UNKNOWN_CHOICE")]
)
async def test_an_attempt_that_fails_has_no_values(world, node: str, reason: str):
    plan = world.flow(FLOW)
    world.dispatch(plan, node, vars_json=VARS)
    outcome = await world.outcome()
    assert outcome.failed.reason == reason
    assert not outcome.HasField("vars")


async def test_a_node_without_values_sees_none(world):
    plan = world.flow(FLOW)
    world.dispatch(plan, "b", inputs={"a": 1})
    assert await world.output() is None
