"""The part of the independent judge that knows which edges are taken."""

from collections.abc import Mapping

from penstock.workflow.execution.events import NodeCompleted
from penstock.workflow.execution.values import NodeStatus
from penstock.workflow.plan import Plan


def edge_taken(
    plan: Plan,
    node: int,
    at: int,
    statuses: Mapping[int, NodeStatus],
    completed: Mapping[int, NodeCompleted],
) -> bool:
    """True if the edge at a place of a node is taken, its parent having ended."""
    edge = plan.nodes[node].edges[at]
    parent = plan.nodes[edge.parent]
    status = statuses[edge.parent]
    if status == NodeStatus.FAILED:
        soft = edge.on == "success" and parent.on_error == "continue"
        return edge.action is None and (edge.on != "success" or soft)
    if status != NodeStatus.COMPLETED or edge.on == "failure":
        return False
    event = completed[edge.parent]
    if edge.action is not None:
        return event.routed and edge.action in event.chosen
    if not event.routed or edge.on == "always":
        return True
    ids = {child.id for child in plan.nodes if edge.parent in child.parents}
    narrowed = not event.chosen or bool(ids & set(event.chosen))
    return not narrowed or plan.nodes[node].id in event.chosen


def unhandled(plan: Plan, statuses: Mapping[int, NodeStatus]) -> list[int]:
    """Failed nodes whose failure no edge and no `on_error` takes."""
    bad = []
    for node, status in statuses.items():
        takers = [e for n in plan.nodes for e in n.edges if e.parent == node]
        handled = any(e.action is None and e.on != "success" for e in takers)
        if status == NodeStatus.FAILED and plan.nodes[node].on_error == "fail":
            bad += [] if handled else [node]
    return bad
