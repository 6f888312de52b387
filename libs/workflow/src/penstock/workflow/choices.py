"""What a router can choose once it runs: for whoever completes it, a worker or a person."""

import re

from penstock.workflow.node_type import NodeType
from penstock.workflow.plan import NodePlan, Plan

_CHOOSES = re.compile(r"__next|\bnext\s*\(")


def script_chooses(script: str) -> bool:
    """True if JavaScript may choose what comes next."""
    return _CHOOSES.search(script) is not None


def choices_of(plan: Plan, node: NodePlan, node_type: NodeType | None) -> frozenset[str]:
    """What the node can choose: its children, the actions of edges out of it, its own."""
    children = [plan.nodes[child] for child in node.children]
    names = {child.id for child in children if not child.hidden} | _actions_asked_for(plan, node)
    if node_type is not None and node_type.actions_of is not None:
        names.update(node_type.actions_of(node.config) or ())
    return frozenset(names)


def may_choose(plan: Plan, node: NodePlan, node_type: NodeType | None) -> bool:
    """True if the node is a router."""
    return must_choose(plan, node, node_type) or script_chooses(node.script or "")


def must_choose(plan: Plan, node: NodePlan, node_type: NodeType | None) -> bool:
    """True if whole branches would be skipped unless the node chooses."""
    if node.for_each is not None:
        return False
    offers = node_type is not None and node_type.actions_of is not None
    return offers or bool(_actions_asked_for(plan, node))


def _actions_asked_for(plan: Plan, node: NodePlan) -> set[str]:
    """The actions of edges out of the node."""
    return {
        edge.action
        for child in node.children
        for edge in plan.nodes[child].edges
        if edge.parent == node.index and edge.action is not None
    }
