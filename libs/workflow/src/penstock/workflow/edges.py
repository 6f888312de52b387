"""Puts the edges of a workflow together: those written down, those of `on_error`, and those that
expressions imply."""

from collections.abc import Collection, Sequence

import msgspec

from penstock.workflow.configs import check_action
from penstock.workflow.definition import FlowDefinition, Need, NodeDefinition
from penstock.workflow.graph import Ancestors, find_cycles
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.nearest import Names
from penstock.workflow.plan import EdgeOn
from penstock.workflow.references import Reads
from penstock.workflow.vocabulary import EDGES_MAX


class FileEdge(msgspec.Struct, frozen=True, gc=False):
    """An edge by position in the file."""

    parent: int
    on: EdgeOn = "success"
    action: str | None = None


class Edges:
    """The edges into each node, by position in the file. `sound` is False if there are cycles.

    Nodes whose configuration is wrong (`misconfigured`) are not asked for their actions.
    """

    def __init__(
        self,
        flow: FlowDefinition,
        reads: Sequence[Reads],
        misconfigured: Collection[str],
        issues: IssueList,
    ) -> None:
        self._nodes = flow.nodes
        self._reads = reads
        self._misconfigured = misconfigured
        self._issues = issues
        self.number = {node.id: position for position, node in enumerate(flow.nodes)}
        self._names = Names(self.number)
        self.into: list[list[FileEdge]] = [[] for _ in flow.nodes]
        self._add_written()
        self.sound = self._tell_cycles("")
        if self.sound:
            self._add_implied()
            self.sound = self._tell_cycles(" (by what its expressions read)")
        self._check_inputs()

    def parents(self) -> list[list[int]]:
        """Different parents of each node, in the order of its edges."""
        return [list(dict.fromkeys(edge.parent for edge in edges)) for edges in self.into]

    def _add_written(self) -> None:
        total = 0
        for position, node in enumerate(self._nodes):
            for need in node.needs:
                self._add(position, need)
            target = node.on_error_node
            if target is not None:
                self._add_error_edge(position, node, target)
            total += len(node.needs)
        if total > EDGES_MAX:
            message = f"There are {total} edges; {EDGES_MAX} are possible."
            self._issues.error("TOO_MANY_EDGES", Place(1, 1, "nodes"), message)

    def _add(self, position: int, need: Need) -> None:
        parent = self.number.get(need.node)
        if parent is None:
            self._unknown(need)
            return
        if parent == position:
            message = "A node cannot need itself."
            self._issues.error("CYCLE", need.place, message, "remove it")
            return
        if need.action is not None and need.node not in self._misconfigured:
            check_action(self._nodes[parent], need.action, need.place, self._issues)
        self.into[position].append(FileEdge(parent, need.on, need.action))

    def _add_error_edge(self, position: int, node: NodeDefinition, target: Need) -> None:
        child = self.number.get(target.node)
        if child is None:
            self._unknown(target, "fail, continue, skip, or a node's id")
        elif child == position:
            message = "A node cannot handle its own failure."
            self._issues.error("CYCLE", target.place, message, "name another node, or use `retry`")
        elif FileEdge(position, "failure") not in self.into[child]:
            self.into[child].append(FileEdge(position, "failure"))

    def _unknown(self, need: Need, otherwise: str = "") -> None:
        message = f'There is no node "{need.node[:60]}".'
        fix = "" if self._issues.full else self._names.hint(need.node)
        self._issues.error("UNKNOWN_NODE", need.place, message, fix or otherwise)

    def _tell_cycles(self, why: str) -> bool:
        cycles = find_cycles(self.parents())
        for cycle in cycles:
            ids = [self._nodes[position].id for position in cycle]
            shown = ids if len(ids) <= 12 else [*ids[:10], "...", ids[-1]]
            message = f"These nodes wait for each other{why}: {' -> '.join([*shown, ids[0]])}."
            first = self._nodes[cycle[0]]
            place = first.source.place(first.path)
            self._issues.error("CYCLE", place, message, "remove one of the edges")
        return not cycles

    def _add_implied(self) -> None:
        ancestors: Ancestors | None = None
        before = self.parents()
        for position, reads in enumerate(self._reads):
            for name, place in reads.nodes.items():
                parent = self.number[name]
                if parent in before[position]:
                    continue
                ancestors = ancestors or Ancestors(before)
                if ancestors.is_before(parent, position):
                    continue
                node = self._nodes[position]
                if ancestors.is_before(position, parent):
                    message = f'"{name}" runs after "{node.id}", so its outcome cannot be read.'
                    self._issues.error("NOT_AN_ANCESTOR", place, message, "turn the edge around")
                    continue
                message = f'Reading "{name}" makes "{node.id}" wait for it.'
                fix = f"add {name} to `needs` to say so"
                self._issues.info("IMPLIED_EDGE", place, message, fix)
                self.into[position].append(FileEdge(parent))

    def _check_inputs(self) -> None:
        parents = self.parents()
        for position, reads in enumerate(self._reads):
            own = [self._nodes[parent].id for parent in parents[position]]
            for key, place in reads.inputs.items():
                if key not in own:
                    self._tell_input(key, place, own)
            if reads.payload is not None and len(own) > 1:
                message = f"`payload` needs exactly one parent; here are {len(own)}."
                fix = f"write input.{own[0]}, or the like"
                self._issues.error("NOT_POSSIBLE_HERE", reads.payload, message, fix)

    def _tell_input(self, key: str, place: Place, own: list[str]) -> None:
        if key in self.number:
            message = f'`input` holds parents only, and "{key}" is none.'
            fix = f"write nodes.{key}.output, or add {key} to `needs`"
        else:
            message = f'`input` has no "{key[:60]}".'
            fix = Names(own).hint(key) or ("the parents are " + ", ".join(own[:20]) if own else "")
        self._issues.error("UNKNOWN_INPUT", place, message, fix)
