"""What a piece of user logic reads, so that only that is opened, parsed and sent. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from penstock.workflow.expressions import Access
from penstock.workflow.javascript import Analysis
from penstock.workflow.plan import NodePlan


class Needs(msgspec.Struct, frozen=True):
    """What is read: plan indexes of nodes, and the other names."""

    nodes: frozenset[int] = frozenset()
    params: bool = False
    run: bool = False
    run_trigger: bool = False
    env: bool = False
    trigger: bool = False
    vars: bool = False

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(
            self.nodes | other.nodes,
            self.params or other.params,
            self.run or other.run,
            self.run_trigger or other.run_trigger,
            self.env or other.env,
            self.trigger or other.trigger,
            self.vars or other.vars,
        )


NOTHING = Needs()


def everything(node: NodePlan) -> Needs:
    """All that a node may read."""
    nodes = frozenset(node.reads) | frozenset(node.parents)
    return Needs(nodes, True, True, True, True, True, node.uses_vars)


def needs_of(analyses: Iterable[Analysis], node: NodePlan, index_of: Mapping[str, int]) -> Needs:
    """What these scripts or expressions of a node read."""
    found = NOTHING
    for analysis in analyses:
        if analysis.faults:
            return everything(node)
        for access in analysis.accesses:
            found |= _needs_of_access(access, node, index_of)
    return found


def _needs_of_access(access: Access, node: NodePlan, index_of: Mapping[str, int]) -> Needs:
    parents = frozenset(node.parents)
    match access.root:
        case "input":
            wanted = index_of.get(access.key) if access.key else None
            return Needs(parents if wanted is None else parents & {wanted})
        case "payload":
            return Needs(parents, trigger=not parents)
        case "nodes":
            wanted = index_of.get(access.key) if access.key else None
            return Needs(frozenset(node.reads) | parents if wanted is None else frozenset({wanted}))
        case "params":
            return Needs(params=True)
        case "run":
            return Needs(run=True, run_trigger=access.key in (None, "trigger"))
        case "env":
            return Needs(env=True)
        case "vars":
            return Needs(vars=True)
        case _:
            return NOTHING
