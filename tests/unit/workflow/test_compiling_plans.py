"""A checked file becomes a plan."""

from typing import Any

import msgspec
import pytest

from penstock.workflow.compile import compile_source
from penstock.workflow.plan import OUTPUT_NODE, Edge, NodePlan, Plan, SandboxLimits
from penstock.workflow.retry import NAMED_POLICIES, RetryPolicy
from support.node_types import NODE_TYPES


def compiled(nodes: str, top: str = "") -> Plan:
    return compile_source(f"flow: 1\nid: x\n{top}\nnodes:\n{nodes}\n", NODE_TYPES)


def node(plan: Plan, node_id: str) -> NodePlan:
    return plan.nodes[plan.index_of(node_id)]


def only(fields: str, top: str = "") -> NodePlan:
    return compiled(f"  a: {{{fields}}}", top).nodes[0]


def test_nodes_are_numbered_parents_first_and_else_by_the_file():
    plan = compiled(
        "  d: {run: x, needs: [a, b]}\n  c: {run: x}\n  b: {run: x, needs: [a]}\n  a: {run: x}\n"
    )
    assert [one.id for one in plan.nodes[:4]] == ["c", "a", "b", "d"]
    assert [one.index for one in plan.nodes] == list(range(5))
    assert node(plan, "d").edges == (Edge(1), Edge(2))
    assert node(plan, "a").children == (2, 3)


def test_the_hash_depends_on_content_and_not_on_form():
    first = compile_source('{"flow": 1, "id": "x", "nodes": {"a": {"run": "1"}}}', NODE_TYPES)
    second = compile_source("# hi\nflow: 1\nid: 'x'\nnodes:\n  a:\n    run: '1'\n", NODE_TYPES)
    third = compile_source("flow: 1\nid: x\nnodes: {a: {run: '2'}}\n", NODE_TYPES)
    assert first == second
    assert len(first.definition_hash) == 64
    assert third.definition_hash != first.definition_hash


def test_the_hash_depends_on_the_order_because_the_numbering_does():
    first = compiled("  a: {run: x}\n  b: {run: x}")
    second = compiled("  b: {run: x}\n  a: {run: x}")
    assert first.definition_hash != second.definition_hash


def test_what_is_not_said_takes_the_defaults():
    found = only("run: x")
    assert found.retry == RetryPolicy(max_attempts=1)
    assert (found.timeout_s, found.deadline_s, found.pool) == (30.0, 0.0, "default")
    assert (found.on_error, found.effects, found.uses) == ("fail", "none", "js@1")


def test_the_defaults_of_the_file_come_before_those_of_the_house():
    top = "defaults: {retry: fast, timeout: 5m, pool: heavy, on_error: skip}"
    found = only("run: x", top)
    assert found.retry == NAMED_POLICIES["fast"]
    assert (found.timeout_s, found.pool, found.on_error) == (300.0, "heavy", "skip")
    own = only("run: x, retry: none, timeout: 1.5, pool: light, on_error: fail", top)
    assert own.retry == RetryPolicy(max_attempts=1)
    assert (own.timeout_s, own.pool, own.on_error) == (1.5, "light", "fail")


def test_a_retry_policy_may_be_written_out():
    retry = "{max_attempts: 4, initial_delay: 100ms, max_delay: 1m, multiplier: 3, jitter: 0, "
    found = only(f"run: x, retry: {retry}on: [transient, user]}}").retry
    assert found == RetryPolicy(4, 0.1, 60.0, 3.0, 0.0, ("transient", "user"))


def test_a_policy_that_starts_slowly_may_exceed_the_usual_longest_delay():
    found = only("run: x, retry: {initial_delay: 10m}").retry
    assert (found.initial_delay_s, found.max_delay_s, found.max_attempts) == (600, 600, 3)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("7", 7)],
)
def test_durations(written: str, seconds: float):
    assert only(f"run: x, timeout: {written}").timeout_s == seconds


def test_fan_out_limits_and_the_rest_arrive_in_the_plan():
    found = only(
        "run: return row, for_each: [1, 2], item: row, max_parallel: 3, batch: 2, deadline: 1h, "
        "limits: {memory: 1GB, time: 2s}, egress: [api.example.com, '*.x.org:443'], "
        "importance: high, summary: 'row of ${{ run.id }}', effects: once"
    )
    assert (found.for_each, found.item_name, found.max_parallel, found.batch) == (
        [1, 2],
        "row",
        3,
        2,
    )
    assert (found.limits, found.deadline_s) == (SandboxLimits(1024, 2000), 3600.0)
    assert found.egress == ("api.example.com", "*.x.org:443")
    assert (found.importance, found.summary, found.effects) == (
        "high", "row of ${{ run.id }}", "once",
    )  # fmt: skip


def test_the_top_of_the_file_arrives_in_the_plan():
    plan = compiled("  a: {run: x}", "description: d\ndeadline: 1h\ntags: [t]\nenv: [E]")
    assert (plan.name, plan.description, plan.deadline_s) == ("x", "d", 3600.0)
    assert (plan.tags, plan.env) == (("t",), ("E",))


@pytest.mark.parametrize(
    ("fields", "effects"),
    [
        ("run: return 1", "none"),
        ("run: return await http.get(1)", "idempotent"),
        ("run: 'await http.post(1)', effects: none", "none"),
        ("run: 'const http = 1; return http'", "none"),
        ("run: 'return globalThis[params.x]'", "idempotent"),
        ("run: await sleep(1)", "none"),
        ("uses: fetch@1, with: {url: x}", "none"),
        ("uses: fetch@1, with: {url: x, method: POST}", "idempotent"),
        ("uses: fetch@1, with: {url: x, method: '${{ params.x }}'}", "idempotent"),
        ("uses: pay@2", "once"),
    ],
)
def test_effects(fields: str, effects: str):
    assert only(fields, "params: {x: {type: string}}").effects == effects


def test_a_script_says_which_host_functions_it_uses():
    assert only("run: 'await sleep(1); return http.get(2)'").host_functions == ("http", "sleep")


def test_edges_carry_outcome_and_action():
    plan = compiled(
        "  r: {uses: route@1, with: {cases: [big]}}\n"
        "  a: {run: x, needs: [{node: r, action: big}, {node: r, on: failure}]}\n"
        "  b: {run: x, needs: {node: r, on: always}}\n"
    )
    assert node(plan, "a").edges == (Edge(0, "success", "big"), Edge(0, "failure"))
    assert node(plan, "a").parents == (0,)
    assert node(plan, "b").edges == (Edge(0, "always"),)
    assert node(plan, "r").children == (1, 2)


def test_on_error_with_a_node_is_a_failure_edge_into_it():
    plan = compiled("  a: {run: x, on_error: fix}\n  b: {run: x, needs: [a]}\n  fix: {run: x}\n")
    assert node(plan, "fix").edges == (Edge(0, "failure"),)
    assert node(plan, "a").on_error == "fail"


def test_a_node_reads_its_parents_and_what_it_names():
    plan = compiled(
        "  a: {run: x}\n  b: {run: x, needs: [a]}\n  c: {run: x, needs: [b]}\n"
        "  d: {uses: pay@2, needs: [c], with: {v: '${{ nodes[\"a\"].output }}'}}\n"
        "  e: {run: 'return Object.keys(nodes)', needs: [d]}\n"
    )
    assert node(plan, "d").reads == (0, 2)
    assert node(plan, "e").reads == (0, 1, 2, 3)


def test_the_only_sink_gives_the_output():
    plan = compiled("  a: {run: x}\n  b: {run: x, needs: [a]}\n")
    assert plan.output_node == 1
    assert len(plan.nodes) == 2


def test_several_sinks_are_gathered_by_a_hidden_node():
    plan = compiled("  a: {run: x}\n  b: {run: x}\n")
    hidden = plan.nodes[plan.output_node]
    assert (hidden.id, hidden.uses, hidden.collects) == (OUTPUT_NODE, "output@1", True)
    assert hidden.edges == (Edge(0), Edge(1))
    assert plan.nodes[0].children == (2,)


@pytest.mark.parametrize("text", ["nodes.a.output", "nodes['a'].output", " nodes.a . output"])
def test_an_output_that_names_a_node_adds_nothing(text: str):
    plan = compiled("  a: {run: x}\n  b: {run: x, needs: [a]}\n", f'output: "${{{{ {text} }}}}"')
    assert (plan.output_node, len(plan.nodes)) == (0, 2)


@pytest.mark.parametrize(
    "output",
    [
        "${{ nodes.a.output.x }}",
        "${{ nodes.a?.output ?? 1 }}",
        "is ${{ nodes.a.output }}",
        {"v": ["${{ nodes.a.output }}", 2]},
    ],
)
def test_any_other_output_is_computed_by_a_hidden_last_node(output: Any):
    text = msgspec.json.encode(output).decode()
    plan = compiled(
        "  a: {run: x}\n  b: {run: x, needs: [a]}\n  c: {run: x, needs: [a]}\n", f"output: {text}"
    )
    hidden = plan.nodes[plan.output_node]
    assert (hidden.id, hidden.collects, dict(hidden.config)) == (
        OUTPUT_NODE,
        False,
        {"value": output},
    )
    assert hidden.parents == (0, 1, 2)
    assert hidden.reads == (0,)


def test_a_plan_survives_serialisation():
    plan = compiled("  a: {run: x}\n  b: {uses: fetch@1, with: {url: y}, needs: [a]}\n")
    assert msgspec.convert(msgspec.to_builtins(plan), Plan) == plan


def test_ten_thousand_nodes_compile():
    nodes = "".join(f"  n{i}: {{needs: [n{i // 2}], run: 'return {i}'}}\n" for i in range(1, 9_999))
    plan = compiled("  n0: {run: x}\n" + nodes)
    assert len(plan.nodes) == 10_000
    assert all(parent < one.index for one in plan.nodes for parent in one.parents)
