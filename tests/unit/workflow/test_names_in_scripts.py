"""Names that a script takes from outside: one that is nowhere is warned of."""

import json

import pytest

from penstock.workflow.compile import Checked, check
from support.node_types import NODE_TYPES


def checked(nodes: str) -> Checked:
    return check("flow: 1\nid: x\nparams: {sku: {type: string}}\nnodes:\n" + nodes, NODE_TYPES)


@pytest.mark.parametrize(
    ("script", "name", "fix"),
    [
        ("return await fetch(params.sku)", "fetch", "http.get"),
        ("setTimeout(() => 1, 5)", "setTimeout", "await sleep(ms)"),
        ("return paylod.n", "paylod", '"payload"'),
        ("return total + 1", "total", ""),
    ],
)
def test_a_name_that_a_script_has_from_nowhere_is_warned_of(script: str, name: str, fix: str):
    found = checked(f"  a: {{run: '{script}'}}\n")
    assert found.plan is not None
    (issue,) = found.issues
    assert (issue.code, issue.severity, issue.column) == (
        "UNKNOWN_NAME",
        "warning",
        13 + script.index(name),
    )
    assert f"`{name}`" in issue.message
    assert fix in issue.fix


@pytest.mark.parametrize(
    "script",
    [
        "const {a, b: c = 1, d = 2, ...e} = payload; return [a, c, d, e]",
        "const [a, [b = 1], ...c] = payload; return [a, b, c]",
        "let a, b = 1; var c; for (a = 0; a < b; a++) c = a; return c",
        "for (const k in payload) next(k); for (let [k, v] of payload) next(k + v)",
        "const f = (a, {b}, [c], ...d) => [a, b, c, d]; const g = a => a; return f(g(1))",
        "async function* f(a = 1) { yield a } class A { b = 1; c() { return this.b } } new A(f)",
        "try { throw 1 } catch ({message: m}) { return m }",
        "const f = function g(n) { return n ? g(n - 1) : arguments.length }; return f(1)",
        "outer: for (;;) { break outer } return typeof Temporal",
        "console.log(params.sku, crypto.randomUUID(), harden({}), new Temporal.Instant(0n))",
    ],
)
def test_names_that_a_script_binds_or_has_are_not_warned_of(script: str):
    assert checked(f"  a: {{run: {json.dumps(script)}}}\n").issues == ()


def test_local_names_of_scripts_are_not_outside_names():
    script = "const nodes = [1]; for (const {params} of nodes) { next(params.x, nodes.y) } return 1"
    assert checked(f"  a: {{run: '{script}'}}\n").issues == ()
    assert checked("  a: {run: 'return [1].map(input => input.x)'}\n").issues == ()
