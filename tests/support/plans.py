"""Plans for tests, written by hand in one line per node instead of compiled from a file."""

from dataclasses import dataclass, field
from typing import Any

from penstock.workflow.plan import Edge, EdgeOn, NodePlan, Plan


@dataclass
class PlanBuilder:
    """`PlanBuilder().node("a").node("b", "a").node("c", ("a", "failure")).plan()`."""

    name: str = "flow"
    nodes: list[NodePlan] = field(default_factory=list)

    def node(
        self, node_id: str, *needs: str | tuple[str, EdgeOn] | tuple[str, EdgeOn, str], **more: Any
    ) -> "PlanBuilder":
        index = {node.id: node.index for node in self.nodes}
        edges = []
        for need in needs:
            parent, *rest = (need,) if isinstance(need, str) else need
            edges.append(Edge(index[parent], *rest))
        reads = more.pop("reads", tuple(dict.fromkeys(edge.parent for edge in edges)))
        self.nodes.append(
            NodePlan(
                index=len(self.nodes),
                id=node_id,
                uses="js@1",
                edges=tuple(edges),
                reads=reads,
                **more,
            )
        )
        return self

    def plan(self, output: str | None = None, **more: Any) -> Plan:
        nodes = []
        for node in self.nodes:
            children = tuple(c.index for c in self.nodes if node.index in c.parents)
            nodes.append(_with_children(node, children))
        output_node = -1 if output is None else next(n.index for n in nodes if n.id == output)
        return Plan(self.name, f"hash-of-{self.name}", tuple(nodes), output_node, **more)


def _with_children(node: NodePlan, children: tuple[int, ...]) -> NodePlan:
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    return NodePlan(**{**fields, "children": children})


def chain(length: int, **more: Any) -> Plan:
    """A chain of nodes n0 -> n1 -> ..., the last one being the output."""
    builder = PlanBuilder("chain")
    for at in range(length):
        builder.node(f"n{at}", *([f"n{at - 1}"] if at else []))
    return builder.plan(output=f"n{length - 1}", **more)
