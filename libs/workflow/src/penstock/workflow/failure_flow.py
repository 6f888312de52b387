"""Checks `on_failure`: the node that runs when an execution fails stands apart from all others."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.workflow.definition import FlowDefinition
from penstock.workflow.edges import Edges
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.located import Located
from penstock.workflow.nearest import Names


def check_on_failure(flow: FlowDefinition, root: Located, edges: Edges, issues: IssueList) -> None:
    """Tell what is wrong with it."""
    wanted = flow.on_failure
    if wanted is None:
        return
    value = (root.items or {}).get("on_failure")
    place = value.place("on_failure") if value is not None else Place(path="on_failure")
    if wanted.workflow:
        if _holds_expression(wanted.params):
            message = "The parameters of a failure flow cannot hold expressions: nothing runs then."
            fix = "read the failure from the trigger's data, `payload` in its first nodes"
            issues.error("NOT_POSSIBLE_HERE", place, message, fix)
        return
    if not wanted.node:
        return
    position = edges.number.get(wanted.node)
    if position is None:
        message = f'There is no node "{wanted.node[:60]}".'
        issues.error("UNKNOWN_NODE", place, message, Names(edges.number).hint(wanted.node))
        return
    _check_apart(flow, edges, position, place, issues)


def _check_apart(
    flow: FlowDefinition, edges: Edges, position: int, place: Place, issues: IssueList
) -> None:
    name = flow.nodes[position].id
    if edges.into[position]:
        message = f'"{name}" runs when everything else is over, so it cannot wait for a node.'
        fix = "remove its `needs`; what the others gave is in `payload.outputs`"
        issues.error("FAILURE_NODE_NOT_APART", place, message, fix)
    for other, own in enumerate(edges.into):
        if any(edge.parent == position for edge in own):
            message = f'"{flow.nodes[other].id}" needs "{name}", which only runs before the end.'
            fix = "name another node in `on_failure`, or remove that edge"
            issues.error("FAILURE_NODE_NOT_APART", place, message, fix)
    if len(flow.nodes) == 1:
        message = "The only node of the file cannot be the one that runs when another fails."
        issues.error("FAILURE_NODE_NOT_APART", place, message, "add the nodes that may fail")


def _holds_expression(value: Any) -> bool:
    if isinstance(value, str):
        return "${{" in value
    if isinstance(value, Mapping):
        return any(map(_holds_expression, value.values()))
    if isinstance(value, Sequence):
        return any(map(_holds_expression, value))
    return False
