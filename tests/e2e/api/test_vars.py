"""Execution variables through REST, on the shipped cluster."""

from typing import Any

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk.client import Client, open_client
from penstock.sdk.debug_models import BreakpointAt
from penstock.sdk.errors import ApiError
from penstock.sdk.models import EventMessage
from penstock.sdk.start_options import StartOptions

pytestmark = pytest.mark.e2e

BASKET = """
flow: 1
id: basket
vars: {total: 0, note: {by: nobody}}
nodes:
  apples:
    run: |
      vars.set("total", vars.get("total") + 3);
      vars.set("apples", [1, 2]);
      return vars.has("pears");
  pears:
    needs: [apples]
    run: |
      vars.set("total", vars.get("total") + 4);
      vars.delete("note");
      return vars.getAll();
  check:
    needs: [pears]
    when: ${{ vars.total > 5 }}
    run: return "much";
output:
  total: ${{ vars.total }}
  apples: ${{ vars.apples.length }}
  note: ${{ vars.note ?? "none" }}
"""

TRIED = """
flow: 1
id: tried
nodes:
  try:
    retry: {max_attempts: 2, initial_delay: 10ms, on: [user]}
    run: |
      vars.set("tries", (vars.get("tries") ?? 0) + 1);
      vars.set(`attempt${run.attempt}`, true);
      if (run.attempt === 1) throw new Error("not yet");
      return 1;
output: ${{ vars.tries }}
"""


ITEMS = """
flow: 1
id: items
nodes:
  each:
    for_each: ${{ [1, 2, 3] }}
    run: vars.set(`item${item}`, item * 10);
  sum:
    needs: [each]
    run: return Object.values(vars.getAll()).reduce((a, b) => a + b, 0);
output: ${{ nodes.sum.output }}
"""

REFUSED = """
flow: 1
id: refused
params: {{}}
nodes:
  try:
    run: |
      {code}
"""


@pytest.fixture
async def client(cluster: ClusterFile):
    async with open_client(cluster.gateway_url) as opened:
        yield opened


async def run(client: Client, source: str, **options: Any) -> str:
    applied = await client.apply(source)
    started = await client.start(applied.name, version=applied.version, **options)
    await client.wait(started.id)
    return started.id


async def test_nodes_hand_values_on_through_variables(client: Client):
    ran = await client.get_execution(await run(client, BASKET))
    assert ran.status == "COMPLETED", ran.failure
    assert ran.output == {"total": 7, "apples": 2, "note": "none"}
    assert ran.vars == {"total": 7, "apples": [1, 2]}
    outputs = {node.id: node.output for node in ran.nodes}
    assert outputs["apples"] is False
    assert outputs["pears"] == {"total": 7, "apples": [1, 2]}


async def test_a_failed_attempt_leaves_no_variables(client: Client):
    ran = await client.get_execution(await run(client, TRIED))
    assert (ran.status, ran.output) == ("COMPLETED", 1)
    assert ran.vars == {"tries": 1, "attempt2": True}


async def test_a_start_brings_values_of_its_own(client: Client):
    given = StartOptions(vars={"total": 100, "pears": 1})
    ran = await client.get_execution(await run(client, BASKET, options=given))
    assert ran.output == {"total": 107, "apples": 2, "note": "none"}
    assert ran.vars == {"total": 107, "pears": 1, "apples": [1, 2]}


async def test_items_of_a_fan_out_share_the_variables(client: Client):
    ran = await client.get_execution(await run(client, ITEMS))
    assert (ran.output, ran.vars) == (60, {"item1": 10, "item2": 20, "item3": 30})


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('vars.set("no name", 1)', "VARIABLE_NAME"),
        ('vars.set("set", 1)', "VARIABLE_NAME"),
        ('vars.set("big", "x".repeat(70000))', "VARIABLES_TOO_LARGE"),
        ('for (let i = 0; i < 5; i++) vars.set(`v${i}`, "x".repeat(60000))', "VARIABLES_TOO_LARGE"),
        ("for (let i = 0; i < 1001; i++) vars.set(`v${i}`, i)", "VARIABLES_TOO_LARGE"),
        ("const a = {}; a.a = a; vars.set(`a`, a)", "VARIABLE_NOT_JSON"),
    ],
)
async def test_what_is_no_variable_fails_the_node_for_good(client: Client, code: str, reason: str):
    ran = await client.get_execution(await run(client, REFUSED.format(code=code)))
    assert ran.status == "FAILED"
    assert (ran.failure.error_class, ran.failure.reason) == ("permanent", reason)
    assert ran.vars == {}


async def test_a_start_with_wrong_variables_is_refused(client: Client):
    await client.apply(BASKET)
    for given in ({"no name": 1}, {"get": 1}, {"big": "x" * 66_000}):
        with pytest.raises(ApiError) as caught:
            await client.start("basket", options=StartOptions(vars=given))
        assert (caught.value.problem.status, caught.value.problem.code) == (400, "INVALID_ARGUMENT")
        assert "vars" in caught.value.problem.detail


async def test_the_past_and_the_live_events_show_what_was_changed(client: Client):
    ran = await run(client, BASKET)
    changes = {
        message.seq: message.event
        async for message in client.watch(ran, 0)
        if isinstance(message, EventMessage) and message.event.kind == "vars_changed"
    }
    assert [(each.vars, each.deleted) for each in changes.values()] == [
        ({"total": 3, "apples": [1, 2]}, ()),
        ({"total": 7}, ("note",)),
    ]
    first, second = changes
    assert (await client.history.at(ran, seq=first - 1)).vars == {
        "total": 0,
        "note": {"by": "nobody"},
    }
    assert (await client.history.at(ran, seq=first)).vars["total"] == 3
    assert (await client.history.at(ran, seq=second)).vars == {"total": 7, "apples": [1, 2]}


async def test_two_runs_differ_by_their_variables(client: Client):
    left = await run(client, BASKET)
    right = await run(client, BASKET, options=StartOptions(vars={"total": 1}))
    found = await client.history.compare(left, right)
    assert not found.same
    assert [place.path for place in found.vars.places] == ["total"]
    assert not (await client.history.compare(left, left)).vars.places


async def test_a_re_run_has_what_is_taken_over_and_nothing_else(client: Client):
    ran = await run(client, BASKET, options=StartOptions(vars={"total": 100}))
    for first, total in (("pears", 107), ("apples", 107)):
        made = await client.history.rerun(ran, [first])
        await client.wait(made.id)
        again = await client.get_execution(made.id)
        assert again.vars == {"total": total, "apples": [1, 2]}, first
    once_more = await client.history.rerun(made.id, ["check"])
    await client.wait(once_more.id)
    assert (await client.get_execution(once_more.id)).vars == {"total": 107, "apples": [1, 2]}


async def test_a_fork_goes_on_with_the_values_of_its_event(client: Client):
    ran = await run(client, BASKET)
    newest = (await client.get_execution(ran)).last_seq
    for seq in range(1, newest + 1):
        made = await client.history.fork(ran, seq)
        await client.wait(made.id)
        again = await client.get_execution(made.id)
        assert again.vars == {"total": 7, "apples": [1, 2]}, seq


async def test_the_debugger_shows_what_a_held_node_would_see(client: Client):
    await client.apply(BASKET)
    started = await client.start("basket", options=StartOptions(debug=True))
    await client.debug.wait_held(started.id)
    assert (await client.debug.inspect(started.id, "apples")).vars["total"] == 0
    met = BreakpointAt(node="pears", condition="${{ vars.total == 3 }}")
    await client.debug.set_breakpoints(started.id, [met])
    await client.debug.go_on(started.id)
    await client.debug.wait_held(started.id)
    assert (await client.debug.inspect(started.id, "pears")).vars["total"] == 3
    await client.debug.detach(started.id)
    await client.wait(started.id)
    assert (await client.get_execution(started.id)).vars["total"] == 7
