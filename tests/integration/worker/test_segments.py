"""Segments over real streams: what goes on together, what waits for a commit, where it ends."""

import msgspec
import pytest

from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from support.worker_world import ids, jail_died, open_world, thrown

CHAIN = """
params: {n: {type: number}}
nodes:
  a: {run: "return params.n"}
  b: {needs: [a], run: "return payload + 1"}
  c: {needs: [b], run: "return payload * 2"}
"""


@pytest.fixture
async def world():
    async with open_world(drain_s=0.2, data_roots="/") as opened:
        opened.sandbox.scripts |= {
            "return params.n": lambda call, step, seen: msgspec.json.decode(call.params_json)["n"],
            "return payload + 1": lambda call, step, seen: seen[step.parents[0]] + 1,
            "return payload * 2": lambda call, step, seen: seen[step.parents[0]] * 2,
        }
        yield opened


async def test_a_chain_of_scripts_is_one_call_and_one_report(world):
    plan = world.flow(CHAIN)
    world.dispatch(plan, "a", params={"n": 4})
    report = await world.report()
    assert ids(plan, report) == ["a", "b", "c"]
    assert [one.completed.output.json for one in report.outcomes] == [b"4", b"5", b"10"]
    assert report.lease.node == plan.index_of("a")
    assert len(world.sandbox.calls) == 1
    assert all(one.finished_unix_us >= one.started_unix_us > 0 for one in report.outcomes)


async def test_without_leave_to_continue_only_the_leased_node_runs(world):
    plan = world.flow(CHAIN)
    world.dispatch(plan, "a", params={"n": 4}, may_continue=False)
    assert ids(plan, await world.report()) == ["a"]


async def test_a_later_attempt_runs_with_what_it_was_given(world):
    plan = world.flow(CHAIN)
    world.dispatch(plan, "b", inputs={"a": 10}, attempt=3)
    report = await world.report()
    assert [one.ref.attempt for one in report.outcomes] == [3, 1]
    assert ids(plan, report) == ["b", "c"]


async def test_tasks_and_inputs_in_their_short_form_are_tasks_and_inputs(world):
    plan = world.flow(CHAIN)
    for execution in ("E1", "E2"):  # the second one meets the plan in the cache
        world.dispatch(plan, "b", execution=execution, inputs={"a": 10}, short=True)
        report = await world.report()
        assert report.execution_id == execution
        assert [one.completed.output.json for one in report.outcomes] == [b"11", b"22"]
        assert [one.ref.attempt for one in report.outcomes] == [1, 1]


async def test_a_group_may_mix_both_forms(world):
    plan = world.flow(
        """
params: {n: {type: number}}
nodes:
  a: {run: "return params.n"}
  b: {run: "return params.n"}
  c: {uses: set@1, needs: [a, b], with: {value: "${{ nodes.a.output + nodes.b.output }}"}}
  d: {uses: set@1, needs: [a], with: {value: ["${{ nodes.a.status }}", "${{ input.a }}"]}}
"""
    )
    group = world.group(plan, "c", inputs={"a": 10}, short=True, may_continue=False)
    held = group.inputs.add(node=plan.index_of("b"), status=journal_pb.NODE_STATUS_COMPLETED)
    held.output.json = b"5"
    group.tasks.add(ref=journal_pb.NodeRef(node=plan.index_of("d"), attempt=2))
    world.coordinator.send(tasks=[group])
    reports = [await world.report(), await world.report()]
    found = {ids(plan, one)[0]: one.outcomes[0].completed.output.json for one in reports}
    assert found == {"c": b"15", "d": b'["COMPLETED",10]'}


async def test_a_script_that_throws_ends_the_segment_with_its_outcome(world):
    plan = world.flow(CHAIN)
    world.sandbox.scripts["return payload + 1"] = lambda *_: thrown("no")
    world.dispatch(plan, "a", params={"n": 4})
    report = await world.report()
    assert ids(plan, report) == ["a", "b"]
    assert report.outcomes[1].failed.reason == "SCRIPT_ERROR"


async def test_a_branch_that_code_did_not_choose_is_not_reported(world):
    plan = world.flow(
        """
nodes:
  a: {run: "choose(); // __next"}
  b: {needs: [a], run: "return payload + 1"}
  c: {needs: [a], run: "return payload * 2"}
"""
    )
    answer = sandbox_pb.StepResult(output_json=b"3", routed=True, chosen=["c"])
    world.sandbox.scripts["choose(); // __next"] = lambda *_: answer
    world.dispatch(plan, "a")
    report = await world.report()
    assert ids(plan, report) == ["a", "c"]
    assert list(report.outcomes[0].completed.chosen) == ["c"]


async def test_a_jail_that_dies_under_a_group_is_blamed_on_nobody_but_the_node_that_ran_alone(
    world,
):
    plan = world.flow(CHAIN)
    died = []

    def second(call, step, seen):
        if len(call.steps) > 1:
            died.append(step.node_id)
            return jail_died()
        return seen[step.parents[0]] + 1

    world.sandbox.scripts["return payload + 1"] = second
    world.sandbox.scripts["return params.n"] = lambda *_: 4
    world.dispatch(plan, "a", params={"n": 4})
    first = await world.report()
    assert ids(plan, first) == ["a"]
    assert first.outcomes[0].HasField("completed")
    world.dispatch(plan, "b", inputs={"a": 4})
    assert ids(plan, await world.report())[0] == "b"


async def test_nodes_of_other_types_follow_within_the_segment(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 4"}
  b: {needs: [a], uses: set@1, with: {value: {n: "${{ nodes.a.output }}"}}}
  c: {needs: [b], run: "return payload.n"}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.sandbox.scripts["return payload.n"] = lambda call, step, seen: seen["b"]["n"]
    world.dispatch(plan, "a")
    report = await world.report()
    assert ids(plan, report) == ["a", "b", "c"]
    assert report.outcomes[2].completed.output.json == b"4"


async def test_an_effect_waits_for_the_commit_and_then_is_the_lease(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 4"}
  b: {needs: [a], uses: log@1, effects: once, with: {message: "${{ input.a }}"}}
  c: {needs: [b], run: "return payload + 1"}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.coordinator.commits = False
    world.dispatch(plan, "a")
    first = await world.report()
    assert ids(plan, first) == ["a"]
    assert first.continue_with.node == plan.index_of("b")
    assert world.coordinator.reports.empty()
    world.coordinator.answer(first, committed=True)
    second = await world.report()
    assert second.lease.node == plan.index_of("b")
    assert not second.HasField("continue_with")
    assert ids(plan, second)[0] == "b"
    assert second.outcomes[0].logs[0].message == "4"


async def test_an_effect_whose_report_is_refused_does_not_happen(world, tmp_path):
    plan = world.flow(
        f"""
nodes:
  a: {{run: "return 4"}}
  b:
    needs: [a]
    uses: db.exec@1
    with: {{url: "sqlite:///{tmp_path}/t.db", sql: "create table t (n)"}}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.coordinator.commits = False
    world.dispatch(plan, "a")
    world.coordinator.answer(await world.report(), committed=False)
    world.coordinator.commits = True
    world.dispatch(plan, "a", execution="E2", may_continue=False)
    await world.report()
    assert not (tmp_path / "t.db").exists()


@pytest.mark.parametrize("together", [True, False])
async def test_an_effect_that_is_handed_out_itself_happens_though_who_asked_is_refused(
    world, together
):
    """Another attempt of `a` has ended meanwhile; or the word of that and the answer crossed."""
    plan = world.flow(
        """
nodes:
  a: {run: "return 4"}
  b: {needs: [a], uses: log@1, effects: once, with: {message: "${{ input.a }}"}}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.coordinator.commits = False
    world.dispatch(plan, "a")
    asking = await world.report()
    anew = world.group(plan, "b", inputs={"a": 5}, may_continue=False)
    if together:
        world.coordinator.send(tasks=[anew], refused=[asking.report_id])
    else:
        world.coordinator.send(tasks=[anew])
        world.coordinator.answer(asking, committed=False)
    report = await world.report()
    assert (ids(plan, report), report.lease.attempt) == (["b"], 1)
    assert report.outcomes[0].logs[0].message == "5"
    assert world.coordinator.reports.empty()


async def test_a_join_runs_once_both_branches_are_done_here(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 4"}
  b: {needs: [a], run: "return payload + 1"}
  c: {needs: [a], run: "return payload * 2"}
  d: {needs: [b, c], run: "return input.b + input.c"}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.sandbox.scripts["return input.b + input.c"] = lambda call, step, seen: (
        seen["b"] + seen["c"]
    )
    world.dispatch(plan, "a")
    report = await world.report()
    assert ids(plan, report) == ["a", "b", "c", "d"]
    assert report.outcomes[3].completed.output.json == b"13"


async def test_a_join_with_a_parent_elsewhere_is_left_to_the_coordinator(world):
    plan = world.flow(
        """
nodes:
  a: {run: "return 4"}
  x: {run: "return 5"}
  d: {needs: [a, x], run: "return 6"}
"""
    )
    world.sandbox.scripts["return 4"] = lambda *_: 4
    world.dispatch(plan, "a")
    assert ids(plan, await world.report()) == ["a"]
