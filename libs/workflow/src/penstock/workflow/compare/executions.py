"""How two executions differ: node by node, and where they began to go different ways.

Times never count as differences; they are told beside them. A value that is stored apart is known
by its digest, and compared place by place only if the caller has fetched it.
"""

import hashlib
from collections.abc import Mapping

import msgspec

from penstock.workflow.compare.values import NONE, Differences, json_differences
from penstock.workflow.compare.versions import VersionComparison, compare_versions
from penstock.workflow.execution.values import Payload
from penstock.workflow.execution.view import ExecutionView, NodeView
from penstock.workflow.plan import Plan

_PLACES_MAX = 2_000
"""Places told of all outputs together; of what differs beyond that, it is told that it does."""

Fetched = Mapping[str, bytes]
"""Stored values by digest."""


class Side(msgspec.Struct, frozen=True):
    """One execution: where it stands, what it was given, and its plan."""

    plan: Plan
    view: ExecutionView
    params: Payload


class NodeComparison(msgspec.Struct, frozen=True):
    """One node on both sides; `differs` are some of status, attempt, output, failure, definition,
    `inputs` the nodes it reads whose outcome differs."""

    id: str
    left: NodeView | None
    right: NodeView | None
    differs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    output: Differences = NONE


class ExecutionComparison(msgspec.Struct, frozen=True):
    """Everything that differs. `diverges_at` is the first node that went another way though all it
    reads was the same."""

    same: bool
    params: Differences
    output: Differences
    nodes: tuple[NodeComparison, ...]
    diverges_at: str
    summary: str
    versions: VersionComparison | None
    vars: Differences = NONE


def stored_values(left: Side, right: Side) -> tuple[Payload, ...]:
    """Stored values that would have to be fetched to be compared place by place."""
    found: dict[str, Payload] = {}
    own = {node.id: node.output for node in left.view.nodes}
    pairs = [(own.get(node.id), node.output) for node in right.view.nodes]
    pairs += [(left.params, right.params), (left.view.output, right.view.output)]
    for one, other in pairs:
        if one is not None and other is not None and one != other:
            found |= {each.digest: each for each in (one, other) if each.digest}
    return tuple(found.values())


def compare_executions(left: Side, right: Side, fetched: Fetched) -> ExecutionComparison:
    """How `right` differs from `left`. O(size of both)."""
    versions = None
    if left.plan.definition_hash != right.plan.definition_hash:
        versions = compare_versions(left.plan, right.plan)
    nodes = _compare_nodes(left, right, versions, fetched)
    params = _differences(left.params, right.params, fetched)
    output = _differences(left.view.output, right.view.output, fetched)
    variables = _differences(_vars(left), _vars(right), fetched)
    diverges_at = next((n.id for n in nodes if n.differs and not n.inputs), "")
    same = (
        not (params or output or variables)
        and left.view.status == right.view.status
        and not any(set(node.differs) - {"attempt"} for node in nodes)
    )
    by_id = {node.id: node for node in nodes}
    summary = _summary(by_id.get(diverges_at), params, versions)
    return ExecutionComparison(
        same, params, output, nodes, diverges_at, summary, versions, variables
    )


def _vars(side: Side) -> Payload | None:
    return Payload(side.view.vars_json) if side.view.vars_json else None


def _compare_nodes(
    left: Side, right: Side, versions: VersionComparison | None, fetched: Fetched
) -> tuple[NodeComparison, ...]:
    changed = {node.id for node in versions.changed} if versions is not None else set()
    own = {node.id: node for node in left.view.nodes}
    other = {node.id: node for node in right.view.nodes}
    reads = _reads(right.plan) | _reads(left.plan)
    found: list[NodeComparison] = []
    different: set[str] = set()
    places = 0
    for name in (*own, *(name for name in other if name not in own)):
        if name.startswith("$"):
            continue
        one, two = own.get(name), other.get(name)
        output = _differences(
            one.output if one is not None else None,
            two.output if two is not None else None,
            fetched,
        )
        places += len(output.places)
        if places > _PLACES_MAX and output:
            output = Differences(cut=True)
        differs = _differs(one, two, output)
        if name in changed:
            differs = (*differs, "definition")
        inputs = tuple(read for read in reads[name] if read in different)
        if set(differs) - {"attempt", "definition"}:
            different.add(name)
        found.append(NodeComparison(name, one, two, differs, inputs, output))
    return tuple(found)


def _reads(plan: Plan) -> dict[str, tuple[str, ...]]:
    nodes = plan.nodes
    return {
        node.id: tuple(nodes[read].id for read in dict.fromkeys((*node.parents, *node.reads)))
        for node in nodes
    }


def _differs(left: NodeView | None, right: NodeView | None, output: Differences) -> tuple[str, ...]:
    if left is None or right is None:
        return ("status",)
    found = []
    if left.status != right.status:
        found.append("status")
    if left.attempt != right.attempt:
        found.append("attempt")
    if output:
        found.append("output")
    if _cause(left) != _cause(right):
        found.append("failure")
    return tuple(found)


def _cause(node: NodeView) -> tuple[str, str]:
    return (node.failure.reason, node.failure.message) if node.failure is not None else ("", "")


def _differences(left: Payload | None, right: Payload | None, fetched: Fetched) -> Differences:
    if left == right or _same_content(left, right):
        return NONE
    texts = []
    for value in (left, right):
        text = value.json if value is not None else None
        if value is not None and value.digest:
            if value.digest not in fetched:
                return Differences(cut=True)
            text = fetched[value.digest]
        texts.append(text)
    return json_differences(texts[0], texts[1])


def _same_content(left: Payload | None, right: Payload | None) -> bool:
    """True if one value is at hand, the other known by its digest, and it is the same."""
    if left is None or right is None or bool(left.digest) == bool(right.digest):
        return False
    apart, plain = (left, right) if left.digest else (right, left)
    return apart.size == len(plain.json) and apart.digest == hashlib.sha256(plain.json).hexdigest()


def _summary(
    first: NodeComparison | None, params: Differences, versions: VersionComparison | None
) -> str:
    causes = []
    if params:
        places = ", ".join(place.path or "the whole" for place in params.places[:3])
        causes.append(f"the parameters differ ({places})" if places else "the parameters differ")
    if versions is not None and not versions.same:
        causes.append("the versions differ")
    why = f"; {' and '.join(causes)}" if causes else ""
    if first is None:
        return f"All nodes went the same way{why}."
    if first.left is None or first.right is None:
        side = "right" if first.left is None else "left"
        return f"They first differ at {first.id}, which only the {side} version has{why}."
    if first.left.status != first.right.status:
        one, other = first.left.status.name, first.right.status.name
        return f"They first differ at {first.id}: {one} on the left, {other} on the right{why}."
    return f"They first differ at {first.id}: {' and '.join(first.differs)}{why}."
