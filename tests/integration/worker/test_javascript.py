"""The worker with the real sandbox: what JavaScript sees, lists and conditions evaluated there."""

import pytest

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from support.worker_world import ids, open_world


@pytest.fixture
async def world(sandbox_address):
    async with open_world(sandbox_address=sandbox_address, drain_s=1.0) as opened:
        yield opened


async def test_a_chain_sees_params_payload_input_nodes_and_run(world):
    plan = world.flow(
        """
params: {n: {type: number}}
nodes:
  a: {run: "return params.n + 1"}
  b: {needs: [a], run: "return {p: payload, i: input.a, s: nodes.a.status, r: run.id}"}
  c: {needs: [b], run: "return nodes.a.output + payload.p"}
"""
    )
    world.dispatch(plan, "a", params={"n": 1})
    report = await world.report()
    assert ids(plan, report) == ["a", "b", "c"]
    outputs = [one.completed.output.json for one in report.outcomes]
    assert outputs == [b"2", b'{"p":2,"i":2,"s":"COMPLETED","r":"E1"}', b"4"]


async def test_a_start_node_sees_the_trigger_as_payload(world):
    plan = world.flow('nodes: {a: {run: "return payload.x"}}')
    world.dispatch(plan, "a", trigger=payload_pb.Payload(json=b'{"x":[1]}'))
    assert await world.output() == [1]


async def test_code_may_choose_its_followers(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return {__next: ['c'], v: 1}"}
  b: {needs: [a], run: "return 'b'"}
  c: {needs: [a], run: "return payload.v"}
"""
    )
    world.dispatch(plan, "a")
    report = await world.report()
    assert ids(plan, report) == ["a", "c"]
    assert report.outcomes[0].completed.routed


async def test_map_and_filter_evaluate_a_whole_list_in_one_call(world):
    plan = world.flow(
        """
params: {l: {}}
nodes:
  m:
    uses: map@1
    with:
      list: "${{ params.l }}"
      each: {id: "${{ item.id }}", s: "${{ `#${index}` }}", u: "${{ item.none }}"}
  f: {uses: filter@1, with: {list: "${{ params.l }}", where: "${{ [2, 3].includes(item.id) }}"}}
"""
    )
    params = {"l": [{"id": place} for place in range(1, 4)]}
    world.dispatch(plan, "m", params=params)
    assert await world.output() == [{"id": n, "s": f"#{n - 1}"} for n in range(1, 4)]
    world.dispatch(plan, "f", params=params)
    assert await world.output() == [{"id": 2}, {"id": 3}]


async def test_switch_stops_at_the_first_condition_that_holds(world):
    plan = world.flow(
        """
params: {user: {}}
nodes:
  s:
    uses: switch@1
    with:
      cases:
        - {when: "${{ !params.user }}", action: anonymous}
        - {when: "${{ params.user.tags.some(t => t === 'vip') }}", action: vip}
        - {when: "${{ params.user.gone.boom }}", action: never}
      value: 1
  v: {needs: [{node: s, action: vip}], run: "return payload"}
  n: {needs: [{node: s, action: never}], run: "return 0"}
  o: {needs: [{node: s, action: anonymous}], run: "return 0"}
"""
    )
    world.dispatch(plan, "s", params={"user": {"tags": ["vip"]}})
    report = await world.report()
    assert list(report.outcomes[0].completed.chosen) == ["vip"]
    assert ids(plan, report) == ["s", "v"]


async def test_a_thrown_error_is_the_nodes_failure_with_its_log_lines(world):
    plan = world.flow("nodes: {a: {run: \"console.warn('x'); throw new Error('no')\"}}")
    world.dispatch(plan, "a")
    outcome = await world.outcome()
    assert outcome.failed.reason == "SCRIPT_ERROR"
    assert outcome.failed.error_class == payload_pb.ERROR_CLASS_USER
    assert [(one.level, one.message) for one in outcome.logs] == [("warn", "x")]


async def test_an_endless_loop_ends_with_the_nodes_time_out(world):
    plan = world.flow('nodes: {a: {run: "while (true) {}", timeout: 300ms}}')
    world.dispatch(plan, "a")
    outcome = await world.outcome()
    assert outcome.failed.reason in ("SANDBOX_TIMEOUT", "NODE_TIMEOUT")
    spent_s = (outcome.finished_unix_us - outcome.started_unix_us) / 1e6
    assert spent_s > 0.1, "what was killed took the time until then"


async def test_a_group_with_an_endless_loop_keeps_what_was_done_before(world):
    plan = world.flow(
        """
defaults: {timeout: 2s}
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "while (true) {}"}
"""
    )
    world.dispatch(plan, "a")
    report = await world.report()
    assert ids(plan, report)[0] == "a"
    assert report.outcomes[0].completed.output.json == b"1"


async def test_javascript_reaches_http_through_the_worker(world):
    plan = world.flow(
        """
params: {url: {type: string}}
nodes:
  a:
    egress: [shop.example]
    run: |
      try { await http.get(params.url); } catch (error) { return error.reason; }
"""
    )
    world.dispatch(plan, "a", params={"url": "http://127.0.0.1:1/"})
    assert await world.output() == "EGRESS_DENIED"
