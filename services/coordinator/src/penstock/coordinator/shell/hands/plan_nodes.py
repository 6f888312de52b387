"""Nodes of a plan as people name them, and inputs as people give them."""

from penstock.common.errors import InvalidArgument, NotFound
from penstock.coordinator.shell.starts.asked import decoded, decoded_object
from penstock.workflow.nearest import Names
from penstock.workflow.plan import Plan

_SHOWN = 20
"""Names that a refusal lists."""
_NAME_SHOWN = 80


def node_named(plan: Plan, name: str, path: str) -> int:
    """The index of a node, hidden ones left out. Raises `NotFound` with what was probably meant."""
    index = {node.id: node.index for node in plan.nodes if not node.hidden}
    at = index.get(name)
    if at is None:
        near = Names(index).nearest(name)
        fix = f"Did you mean {near}?" if near else f"Its nodes: {', '.join(list(index)[:_SHOWN])}."
        raise NotFound(f"The workflow has no node {name[:_NAME_SHOWN]!r}.", fix=fix, path=path)
    return at


def check_edited_input(plan: Plan, node: int, json: bytes) -> None:
    """Refuse an input in which the node would not find its parents. Raises `InvalidArgument`."""
    parents = [plan.nodes[parent].id for parent in plan.nodes[node].parents]
    if not parents:
        decoded(json, "input")
        return
    for name in decoded_object(json, "input"):
        if name not in parents:
            shown = name[:_NAME_SHOWN]
            raise InvalidArgument(
                f"`input` has {shown!r}, which is no parent of {plan.nodes[node].id}.",
                fix=f"Give an object with the outputs of: {', '.join(parents[:_SHOWN])}.",
                path=f"input.{shown}",
            )
