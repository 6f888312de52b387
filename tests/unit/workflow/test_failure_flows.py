"""`on_failure`: what may be named, and what the plan makes of it."""

import pytest

from penstock.workflow.compile import check
from penstock.workflow.execution.tables import tables_of
from support.node_types import NODE_TYPES

FLOW = """
flow: 1
id: x
on_failure: {on_failure}
nodes:
  a: {{run: "return 1"}}
  b: {{run: "return 2", needs: [{needs}]}}
  tidy: {{run: "return 3"{more}}}
"""


def checked(on_failure="tidy", needs="a", more=""):
    return check(FLOW.format(on_failure=on_failure, needs=needs, more=more), NODE_TYPES)


def test_the_failure_node_is_neither_first_nor_last():
    plan = checked().plan
    assert plan is not None
    tables = tables_of(plan)
    assert plan.nodes[tables.failure_node].id == "tidy"
    assert [plan.nodes[root].id for root in tables.roots] == ["a"]
    assert plan.nodes[plan.output_node].id == "b"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"on_failure": "tiddy"}, "UNKNOWN_NODE"),
        ({"needs": "a, tidy"}, "FAILURE_NODE_NOT_APART"),
        ({"more": ", needs: [a]"}, "FAILURE_NODE_NOT_APART"),
        ({"on_failure": "{workflow: alarm, params: {x: '${{ params.y }}'}}"}, "NOT_POSSIBLE_HERE"),
        ({"on_failure": "{params: {}}"}, "MISSING_KEY"),
        ({"on_failure": "[]"}, "WRONG_TYPE"),
    ],
)
def test_what_cannot_be_is_told(given, code):
    found = checked(**given)
    assert [issue.code for issue in found.issues if issue.severity == "error"] == [code]
    assert found.issues[0].line


def test_the_only_node_cannot_be_the_failure_node():
    source = "flow: 1\nid: x\non_failure: a\nnodes: {a: {run: ;}}"
    assert [issue.code for issue in check(source, NODE_TYPES).issues] == ["FAILURE_NODE_NOT_APART"]


def test_a_workflow_to_start_is_in_the_plan():
    plan = checked("{workflow: alarm, params: {team: night}}").plan
    assert plan is not None
    assert plan.on_failure is not None
    assert (plan.on_failure.workflow, plan.on_failure.params) == ("alarm", {"team": "night"})
    assert tables_of(plan).failure_node == -1
