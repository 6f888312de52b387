"""Checks a workflow file and compiles it to a plan. Executes nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from penstock.workflow.breakpoints import condition_flaw, from_file
from penstock.workflow.configs import ConfigChecker, effects_of
from penstock.workflow.definition import FlowDefinition, Scheduling
from penstock.workflow.document import Document, canonical_json, read_document
from penstock.workflow.edges import Edges
from penstock.workflow.expressions.parse import accesses_of
from penstock.workflow.expressions.syntax import Chain
from penstock.workflow.expressions.template import parse_template
from penstock.workflow.failure_flow import check_on_failure
from penstock.workflow.graph import Ancestors, topological_order
from penstock.workflow.issues import Issue, IssueList, to_dicts
from penstock.workflow.limit_keys import check_limit_keys
from penstock.workflow.node_type import NodeType
from penstock.workflow.params import check_params, params_schema
from penstock.workflow.plan import OUTPUT_NODE, Edge, NodePlan, Plan
from penstock.workflow.read_flow import read_flow
from penstock.workflow.references import Reads, ReferenceChecker
from penstock.workflow.retry import NAMED_POLICIES
from penstock.workflow.schedules.checking import check_schedule_params
from penstock.workflow.search.terms import searched_paths
from penstock.workflow.vocabulary import OUTPUT_TYPE

READS_MAX = 2_000_000
"""What all nodes together may be given of their ancestors by reading `nodes` with computed names.
"""


class Checked(msgspec.Struct, frozen=True):
    """The findings about a file, and its plan if none of them is an error."""

    issues: tuple[Issue, ...]
    plan: Plan | None = None

    @property
    def valid(self) -> bool:
        """True if there is a plan."""
        return self.plan is not None


class InvalidDefinition(ValueError):
    """A file that was expected to be valid is not; `issues` are all findings."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        first = next((issue for issue in issues if issue.severity == "error"), None)
        super().__init__(
            f"line {first.line}: {first.message}" if first else "the workflow is not valid"
        )

    def to_dicts(self) -> list[dict[str, Any]]:
        """The findings as plain dicts."""
        return to_dicts(self.issues)


def check(source: str, types: Mapping[str, NodeType]) -> Checked:
    """Find everything that is wrong with a file, and compile it if nothing is."""
    issues = IssueList()
    document = read_document(source, issues)
    if document is None:
        return Checked(issues.sorted())
    usable = {name: found for name, found in types.items() if name != OUTPUT_TYPE}
    flow = read_flow(document.root, usable, issues)
    configs = ConfigChecker(issues)
    misconfigured = {node.id for node in flow.nodes if not configs.check(node)}
    checker = ReferenceChecker(flow, document, issues)
    reads = [checker.read_node(node) for node in flow.nodes]
    output_reads = checker.read_output(flow.output) if flow.output else Reads()
    check_limit_keys(flow, document, issues)
    edges = Edges(flow, reads, misconfigured, issues)
    check_on_failure(flow, document.root, edges, issues)
    if issues.failed:
        return Checked(issues.sorted())
    builder = _PlanBuilder(flow, reads, edges)
    plan = builder.build(document, output_reads)
    if builder.reads_total > READS_MAX:
        place = document.root.place("nodes")
        message = "Too many nodes read `nodes` with computed names, each all of its ancestors."
        issues.error("TOO_MANY_READS", place, message, "name the nodes that are read")
        return Checked(issues.sorted())
    _check_breakpoints(plan, document, issues)
    check_schedule_params(plan, document.root, issues)
    return Checked(issues.sorted(), None if issues.failed else plan)


def _check_breakpoints(plan: Plan, document: Document, issues: IssueList) -> None:
    """Conditions of breakpoints are evaluated by the coordinator, which runs no JavaScript."""
    for point in from_file(plan):
        wrong = condition_flaw(plan, point)
        if wrong:
            path = f"nodes.{plan.nodes[point.node].id}.breakpoint"
            fix = "compare what the node itself sees: params, input, payload, nodes, item"
            issues.error("BAD_BREAKPOINT", document.root.place(path), wrong, fix)


def compile_source(source: str, types: Mapping[str, NodeType]) -> Plan:
    """The plan of a file that was checked before; raises InvalidDefinition if it is not valid."""
    checked = check(source, types)
    if checked.plan is None:
        raise InvalidDefinition(checked.issues)
    return checked.plan


class _PlanBuilder:
    def __init__(self, flow: FlowDefinition, reads: Sequence[Reads], edges: Edges) -> None:
        self._flow = flow
        self._reads = reads
        self._edges = edges
        self._parents = edges.parents()
        self._order = topological_order(self._parents)
        self._rank = {position: index for index, position in enumerate(self._order)}
        self._ancestors: Ancestors | None = None
        self.reads_total = 0

    def build(self, document: Document, output_reads: Reads) -> Plan:
        children: list[list[int]] = [[] for _ in self._order]
        for position, own in enumerate(self._parents):
            for parent in own:
                children[self._rank[parent]].append(self._rank[position])
        apart = self._failure_node()
        sinks = [index for index, own in enumerate(children) if not own and index != apart]
        output_node, hidden = self._output(sinks, output_reads)
        if hidden is not None:
            for parent in hidden.parents:
                children[parent].append(hidden.index)
        nodes = [
            self._node(index, position, tuple(sorted(children[index])))
            for index, position in enumerate(self._order)
        ]
        flow = self._flow
        return Plan(
            name=flow.id,
            definition_hash=hashlib.sha256(canonical_json(document.root.data)).hexdigest(),
            nodes=(*nodes, *((hidden,) if hidden else ())),
            output_node=output_node,
            description=flow.description,
            params_schema=params_schema(flow.params),
            deadline_s=flow.deadline_s,
            tags=flow.tags,
            env=flow.env,
            mode=flow.mode,
            priority=flow.priority,
            concurrency=flow.concurrency,
            rate_limit=flow.rate_limit,
            retention=flow.retention,
            on_failure=flow.on_failure,
            schedules=flow.schedules,
            vars=flow.vars,
            uses_vars=bool(flow.vars)
            or any(one.uses_vars for one in (*nodes, *((hidden,) if hidden else ()))),
            gated=any(node.gated for node in nodes)
            or not (flow.concurrency is None and flow.rate_limit is None),
            searched=searched_paths({"properties": flow.params}),
        )

    def _failure_node(self) -> int:
        """The node that runs only when the execution fails, -1 if there is none."""
        wanted = self._flow.on_failure
        named = wanted.node if wanted is not None else ""
        return self._rank[self._edges.number[named]] if named else -1

    def _node(self, index: int, position: int, children: tuple[int, ...]) -> NodePlan:
        node = self._flow.nodes[position]
        reads = self._reads[position]
        scheduling = node.scheduling
        assert node.type is not None
        return NodePlan(
            index=index,
            id=node.id,
            uses=node.uses,
            edges=tuple(
                Edge(self._rank[edge.parent], edge.on, edge.action)
                for edge in self._edges.into[position]
            ),
            children=children,
            reads=self._node_reads(position, reads),
            config=node.config,
            script=node.script,
            when=node.when,
            for_each=node.for_each,
            item_name=node.item_name,
            max_parallel=node.max_parallel,
            batch=node.batch,
            retry=node.retry,
            timeout_s=node.timeout_s,
            deadline_s=node.deadline_s,
            on_error=node.on_error,
            effects=effects_of(node, node.type, reads.host_functions),
            pool=node.pool,
            segment_friendly=node.type.segment_friendly
            and scheduling == Scheduling()
            and not reads.uses_vars,
            limits=node.limits,
            egress=node.egress,
            importance=node.importance,
            summary=node.summary,
            host_functions=tuple(sorted(reads.host_functions)),
            priority=scheduling.priority,
            labels=scheduling.labels,
            resources=scheduling.resources,
            affinity=scheduling.affinity,
            rate_limit=scheduling.rate_limit,
            concurrency=scheduling.concurrency,
            breaker=scheduling.breaker,
            breakpoint=scheduling.breakpoint,
            on_uncertain=node.on_uncertain,
            ask_for_s=node.ask_for_s,
            uses_vars=reads.uses_vars,
        )

    def _node_reads(self, position: int, reads: Reads) -> tuple[int, ...]:
        if reads.all_nodes:
            self._ancestors = self._ancestors or Ancestors(self._parents)
            self.reads_total += self._ancestors.count(position)
            own = self._ancestors.of(position) if self.reads_total <= READS_MAX else []
        else:
            own = [*self._parents[position], *(self._edges.number[name] for name in reads.nodes)]
        return tuple(sorted({self._rank[other] for other in own}))

    def _output(self, sinks: list[int], reads: Reads) -> tuple[int, NodePlan | None]:
        """Which node's output is the execution's, and the hidden node if one is needed for it."""
        output = self._flow.output
        if output is None:
            if len(sinks) == 1:
                return sinks[0], None
            edges = tuple(Edge(sink) for sink in sinks)
            hidden = self._hidden(edges, tuple(sinks), {}, collects=True)
            return hidden.index, hidden
        named = _bare_output(output.data)
        if named is not None:
            return self._rank[self._edges.number[named]], None
        read = sorted(self._rank[self._edges.number[name]] for name in reads.nodes)
        parents = sorted({*sinks, *read})
        edges = tuple(Edge(parent) for parent in parents)
        seen = tuple(range(len(self._order))) if reads.all_nodes else tuple(read)
        hidden = self._hidden(edges, seen, {"value": output.data}, collects=False)
        if reads.uses_vars:
            hidden = msgspec.structs.replace(hidden, uses_vars=True, segment_friendly=False)
        return hidden.index, hidden

    def _hidden(
        self,
        edges: tuple[Edge, ...],
        reads: tuple[int, ...],
        config: Mapping[str, Any],
        *,
        collects: bool,
    ) -> NodePlan:
        return NodePlan(
            index=len(self._order),
            id=OUTPUT_NODE,
            uses=OUTPUT_TYPE,
            edges=edges,
            reads=reads,
            config=config,
            retry=NAMED_POLICIES["standard"],
            collects=collects,
        )


def _bare_output(output: Any) -> str | None:
    """The node whose output an `output` names, None if it is more than that."""
    if not isinstance(output, str):
        return None
    expression = parse_template(output).only_expression
    if expression is None or expression.tree is None:
        return None
    accesses = accesses_of(expression.tree)
    tree = expression.tree
    plain = isinstance(tree, Chain) and len(tree.steps) == 2 and len(accesses) == 1
    access = accesses[0] if accesses else None
    if plain and access and access.root == "nodes" and access.field == "output":
        return access.key
    return None


__all__ = [
    "Checked",
    "InvalidDefinition",
    "Issue",
    "check",
    "check_params",
    "compile_source",
    "to_dicts",
]
