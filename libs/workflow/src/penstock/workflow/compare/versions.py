"""How two versions of a workflow differ: nodes that came, went or changed, and what is around them.

Plans are compared as they are, so differences of layout, comments and order, or a default that is
spelled out, are none. Nodes are known by their ids.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.workflow.compare.values import Differences, value_differences
from penstock.workflow.plan import Edge, NodePlan, Plan

_DERIVED = frozenset({"index", "id", "edges", "children", "reads", "collects", "host_functions"})
"""Fields of a node that follow from its place or from other fields."""

_NAMES = {
    "config": "with",
    "script": "run",
    "item_name": "item",
    "timeout_s": "timeout",
    "deadline_s": "deadline",
}
"""Fields that the file calls otherwise."""

_FLOW_FIELDS = (
    "description",
    "params_schema",
    "deadline_s",
    "tags",
    "env",
    "mode",
    "priority",
    "concurrency",
    "rate_limit",
    "retention",
    "on_failure",
    "schedules",
    "vars",
)


class ChangedNode(msgspec.Struct, frozen=True):
    """A node of both versions that they define differently."""

    id: str
    differences: Differences


class VersionComparison(msgspec.Struct, frozen=True):
    """What differs; ids in plan order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedNode, ...]
    flow: Differences

    @property
    def same(self) -> bool:
        """True if nothing differs."""
        return not (self.added or self.removed or self.changed or self.flow)


def compare_versions(left: Plan, right: Plan) -> VersionComparison:
    """How `right` differs from `left`. O(size of both)."""
    own = {node.id: node for node in left.nodes if not node.hidden}
    other = {node.id: node for node in right.nodes if not node.hidden}
    changed = []
    for name, node in own.items():
        if name in other:
            found = node_differences(left, node, right, other[name])
            if found:
                changed.append(ChangedNode(name, found))
    return VersionComparison(
        added=tuple(name for name in other if name not in own),
        removed=tuple(name for name in own if name not in other),
        changed=tuple(changed),
        flow=value_differences(_flow(left), _flow(right)),
    )


def node_differences(left: Plan, node: NodePlan, right: Plan, other: NodePlan) -> Differences:
    """How two nodes differ, by the keys of the file."""
    return value_differences(_definition(left, node), _definition(right, other))


def _definition(plan: Plan, node: NodePlan) -> Mapping[str, Any]:
    """A node by the keys of the file; its parents by their ids."""
    fields: Mapping[str, Any] = msgspec.to_builtins(node)
    shown = {_NAMES.get(key, key): value for key, value in fields.items() if key not in _DERIVED}
    shown["needs"] = {_edge(plan, edge): True for edge in node.edges}
    return {key: value for key, value in shown.items() if value not in (None, "", [], {}, 0)}


def _edge(plan: Plan, edge: Edge) -> str:
    on = "" if edge.on == "success" else f" on {edge.on}"
    action = f" action {edge.action}" if edge.action is not None else ""
    return f"{plan.nodes[edge.parent].id}{on}{action}"


def _flow(plan: Plan) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        _NAMES.get(name, name): msgspec.to_builtins(getattr(plan, name)) for name in _FLOW_FIELDS
    }
    shown["output"] = _output(plan)
    return {key: value for key, value in shown.items() if value not in (None, "", [], {}, 0)}


def _output(plan: Plan) -> Any:
    if plan.output_node < 0:
        return None
    node = plan.nodes[plan.output_node]
    if not node.hidden:
        return node.id
    if node.collects:
        return [plan.nodes[parent].id for parent in node.parents]
    return msgspec.to_builtins(node.config).get("value")
