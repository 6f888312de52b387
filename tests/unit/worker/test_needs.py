"""What nodes need: only what their code reads is opened and sent."""

import pytest

from penstock.nodes import catalog
from penstock.worker.program import PlanProgram
from penstock.workflow.compile import compile_source

TYPES = catalog()


def needs(code):
    source = (
        "flow: 1\nid: t\nparams: {p: {}}\nnodes:\n  x: {run: 'return 1'}\n"
        "  a: {needs: [x], run: 'return 1'}\n  b: {needs: [a], run: |\n      "
    ).replace("{needs: [a], run: |\n      ", f"\n    needs: [a]\n    run: |\n      {code}\n")
    plan = compile_source(source, TYPES)
    program = PlanProgram(plan, TYPES, "default")
    found = program.nodes[plan.index_of("b")].script_needs
    return {plan.nodes[node].id for node in found.nodes}, found


@pytest.mark.parametrize(
    ("code", "nodes"),
    [
        ("return 1", set()),
        ("return payload", {"a"}),
        ("return input.a", {"a"}),
        ("return Object.keys(input)", {"a"}),
        ("return nodes.x.output", {"x"}),
        ('return nodes["x"].output', {"x"}),
        ("return nodes[params.p]", {"a", "x"}),
    ],
)
def test_only_the_outcomes_that_are_named_are_needed(code, nodes):
    assert needs(code)[0] == nodes


def test_the_other_names_are_told_apart():
    assert needs("return params.p")[1].params
    assert needs("return run.id")[1].run
    assert not needs("return run.id")[1].run_trigger
    assert needs("return run.trigger")[1].run_trigger
    assert needs("return 1")[1] == type(needs("return 1")[1])()
