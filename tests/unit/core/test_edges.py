"""Which edges a node's end takes."""

import pytest

from penstock.workflow.execution.tables import PlanTables, tables_of
from penstock.workflow.execution.values import NodeStatus
from support.plans import PlanBuilder

CHILDREN = (
    ("on_success", "success", None),
    ("on_failure", "failure", None),
    ("on_always", "always", None),
    ("on_left", "success", "left"),
    ("on_right", "success", "right"),
)


def tables(on_error: str = "fail") -> PlanTables:
    builder = PlanBuilder().node("parent", on_error=on_error)
    for name, on, action in CHILDREN:
        builder.node(name, ("parent", on, action) if action else ("parent", on))
    return tables_of(builder.plan())


def taken(
    status: NodeStatus,
    chosen: tuple[str, ...] | None = None,
    on_error: str = "fail",
) -> set[str]:
    found = tables(on_error)
    steps = found.after(0, status, chosen or (), chosen is not None)
    return {found.nodes[child].id for child, is_taken in steps if is_taken}


def test_success_takes_success_and_always_and_no_action() -> None:
    assert taken(NodeStatus.COMPLETED) == {"on_success", "on_always"}


def test_failure_takes_failure_and_always() -> None:
    assert taken(NodeStatus.FAILED) == {"on_failure", "on_always"}


def test_a_failure_that_continues_takes_success_too() -> None:
    expected = {"on_success", "on_failure", "on_always"}
    assert taken(NodeStatus.FAILED, on_error="continue") == expected


def test_a_skipped_node_takes_nothing() -> None:
    assert taken(NodeStatus.SKIPPED) == set()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("left",), {"on_left", "on_success", "on_always"}),
        (("left", "right"), {"on_left", "on_right", "on_success", "on_always"}),
        (("on_success",), {"on_success", "on_always"}),
        (("on_failure",), {"on_always"}),
        (("on_left",), {"on_always"}),
        ((), {"on_always"}),
        (("unheard_of",), {"on_success", "on_always"}),
    ],
)
def test_a_choice_narrows_what_success_takes(chosen: tuple[str, ...], expected: set[str]) -> None:
    assert taken(NodeStatus.COMPLETED, chosen) == expected


def test_the_tables_of_a_plan_are_built_once() -> None:
    plan = PlanBuilder().node("a").plan()
    assert tables_of(plan) is tables_of(plan)


@pytest.mark.parametrize(
    ("on", "on_error", "handled"),
    [
        ("success", "fail", False),
        ("failure", "fail", True),
        ("always", "fail", True),
        ("success", "continue", True),
        ("success", "skip", True),
    ],
)
def test_a_failure_is_handled_by_an_edge_or_by_on_error(
    on: str, on_error: str, handled: bool
) -> None:
    builder = PlanBuilder().node("a", on_error=on_error).node("b", ("a", on))
    assert tables_of(builder.plan()).handles_failure[0] is handled
