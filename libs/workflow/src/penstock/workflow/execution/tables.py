"""Lookup tables derived from a plan, so that the fold and the core never walk a definition while
they run."""

from array import array
from collections import Counter
from typing import NamedTuple

from penstock.workflow.execution.values import NodeStatus
from penstock.workflow.plan import Edge, NodePlan, Plan

US_PER_S = 1_000_000

Steps = tuple[tuple[int, bool], ...]
"""What a node's end means for its children: (child, whether the edge to it is taken), one per
edge."""


_ROWS_MAX = 1_000
"""Rows remembered per plan beside one for each node."""


WIDE_READS = 256
"""A node that reads more than this of others may read more than a message takes."""


class RowChange(NamedTuple):
    """What a row of good outcomes changes in any execution of a plan: the sum over its nodes.

    `inner` are the row's nodes after the first. `outer` are children outside of it: how many edges
    from the row end there, and whether any of them is taken. `reads`: whose outcome the row's nodes
    read, and how many of them do.
    """

    inner: tuple[int, ...]
    outer: tuple[tuple[int, int, bool], ...]
    reads: tuple[tuple[int, int], ...]


class PlanTables:
    """Everything the fold wants to know of a plan, by node index; immutable once built.

    `pending` and `readers` are templates that each execution copies: edges into a node, and how
    many nodes (plus the execution itself, for its output node, and for all of them if it says what
    to do on failure) want a node's outcome. `failure_node` runs only when the execution fails (-1
    if there is none); `spare` nodes may be left when it ends well. `hidden` is the
    node that the engine added (-1: none). `certain` has a 1 for a node that runs though no edge
    into it is taken: an `output:` that reads no node. `wide` nodes read a great many others.
    """

    __slots__ = (
        "after_completed",
        "after_failed",
        "after_skipped",
        "certain",
        "child_ids",
        "deadline_us",
        "fails_softly",
        "failure_node",
        "handles_failure",
        "has_deadlines",
        "has_once",
        "hidden",
        "nodes",
        "out_edges",
        "pending",
        "plan",
        "readers",
        "reads",
        "roots",
        "rows",
        "size",
        "spare",
        "wide",
    )

    def __init__(self, plan: Plan) -> None:
        nodes = plan.nodes
        self.plan = plan
        self.nodes = nodes
        self.size = len(nodes)
        self.hidden = len(nodes) - 1 if nodes and nodes[-1].hidden else -1
        self.pending = array("I", (len(node.edges) for node in nodes))
        self.certain = bytes(n.hidden and not n.collects and not n.reads for n in nodes)
        self.reads = tuple(tuple(dict.fromkeys(node.reads)) for node in nodes)
        self.wide = frozenset(at for at, reads in enumerate(self.reads) if len(reads) > WIDE_READS)
        self.readers = self._count_readers()
        taken = plan.on_failure
        self.failure_node = plan.index_of(taken.node) if taken is not None and taken.node else -1
        self.spare = 1 if self.failure_node >= 0 else 0
        self.roots = tuple(
            node.index for node in nodes if not node.edges and node.index != self.failure_node
        )
        out: list[list[tuple[int, Edge]]] = [[] for _ in nodes]
        for node in nodes:
            for edge in node.edges:
                out[edge.parent].append((node.index, edge))
        self.out_edges = tuple(tuple(edges) for edges in out)
        self.child_ids = tuple(frozenset([nodes[child].id for child, _ in edges]) for edges in out)
        left, taken_into = _ends_of_edges(len(nodes))
        self.after_completed = tuple(
            tuple([(taken_into if _takes_success(e) else left)[c] for c, e in edges])
            for edges in out
        )
        self.after_failed = tuple(
            tuple([(taken_into if _takes_failure(e, node) else left)[c] for c, e in edges])
            for node, edges in zip(nodes, out, strict=True)
        )
        self.after_skipped = tuple(tuple([left[c] for c, _ in edges]) for edges in out)
        self.handles_failure = tuple(
            node.on_error != "fail" or any(taken for _, taken in after)
            for node, after in zip(nodes, self.after_failed, strict=True)
        )
        self.has_once = any(node.effects == "once" for node in nodes)
        self.fails_softly = tuple(node.on_error == "continue" for node in nodes)
        self.rows: dict[tuple[int, ...], RowChange | None] = {}
        self.deadline_us = tuple(round(node.deadline_s * US_PER_S) for node in nodes)
        self.has_deadlines = any(self.deadline_us)

    def _count_readers(self) -> "array[int]":
        readers = array("I", [0] * self.size)
        for reads in self.reads:
            for read in reads:
                readers[read] += 1
        if self.plan.on_failure is not None:
            readers = array("I", [count + 1 for count in readers])
        if self.plan.output_node >= 0:
            readers[self.plan.output_node] += 1
        return readers

    def row(self, nodes: tuple[int, ...]) -> RowChange | None:
        """What it means that these nodes ended well one after the other, the first one being the
        attempt somebody had; None if some other one was not made ready by those before it.

        Parents from outside the row do not count, so the answer holds for every execution of the
        plan; it is remembered. O(edges) the first time.
        """
        known = self.rows.get(nodes)
        if known is None and nodes not in self.rows:
            known = self._sum_of(nodes)
            if len(self.rows) < _ROWS_MAX + self.size:
                self.rows[nodes] = known
        return known

    def _sum_of(self, nodes: tuple[int, ...]) -> RowChange | None:
        left: dict[int, int] = {}
        taken_into: set[int] = set()
        ended: set[int] = set()
        for place, node in enumerate(nodes):
            if node >= self.size or node in ended:
                return None
            if self.nodes[node].for_each is not None:
                return None
            if place and (left.get(node) != 0 or node not in taken_into):
                return None
            ended.add(node)
            for child, taken in self.after_completed[node]:
                left[child] = left.get(child, self.pending[child]) - 1
                if taken:
                    taken_into.add(child)
        outer = tuple(
            (child, self.pending[child] - rest, child in taken_into)
            for child, rest in left.items()
            if child not in ended
        )
        reads = Counter(read for node in nodes for read in self.reads[node])
        return RowChange(nodes[1:], outer, tuple(reads.items()))

    def after(
        self, node: int, status: int, chosen: tuple[str, ...] = (), routed: bool = False
    ) -> Steps:
        """Which edges out of `node` are taken once it ends with `status` and, if `routed`, the
        choice `chosen`."""
        if status == NodeStatus.COMPLETED:
            return self._after_choice(node, chosen) if routed else self.after_completed[node]
        return self.after_failed[node] if status == NodeStatus.FAILED else self.after_skipped[node]

    def _after_choice(self, node: int, chosen: tuple[str, ...]) -> Steps:
        narrowed = not chosen or not self.child_ids[node].isdisjoint(chosen)
        steps = []
        for child, edge in self.out_edges[node]:
            if edge.on == "failure":
                taken = False
            elif edge.action is not None:
                taken = edge.action in chosen
            else:
                named = not narrowed or self.nodes[child].id in chosen
                taken = edge.on == "always" or named
            steps.append((child, taken))
        return tuple(steps)


def _ends_of_edges(count: int) -> tuple[list[tuple[int, bool]], list[tuple[int, bool]]]:
    """Edges into each node, not taken and taken: one object for all that are alike, for a plan may
    have 100,000 of them."""
    return [(node, False) for node in range(count)], [(node, True) for node in range(count)]


def _takes_success(edge: Edge) -> bool:
    return edge.on != "failure" and edge.action is None


def _takes_failure(edge: Edge, parent: NodePlan) -> bool:
    if edge.action is not None:
        return False
    return edge.on != "success" or parent.on_error == "continue"


def tables_of(plan: Plan) -> PlanTables:
    """The tables of this plan; built at the first call and kept with the plan object."""
    tables = plan.__dict__.get("tables")
    if not isinstance(tables, PlanTables):
        tables = PlanTables(plan)
        plan.__dict__["tables"] = tables
    return tables
