"""What a new execution may take over from a past one.

The past is read event by event (`Past`), for its state alone does not say what a router chose. The
new execution takes over the outcome of every node that had ended for good and whose parents'
outcomes are taken over as well; what is to run again, and all that comes after it, is left out.
What was cancelled with the past execution, or failed with nobody to handle it, never counts: it
runs.

A node that the new version lacks, or defines so differently that its outcome would not be its own,
is a finding: nothing is taken over silently that a run of that version could not have produced.
"""

from collections.abc import Collection, Iterable

import msgspec

from penstock.workflow.compare.values import Differences
from penstock.workflow.compare.versions import node_differences
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import SkipReason
from penstock.workflow.execution.variables import VarsChange, VarsChanged
from penstock.workflow.issues import Issue
from penstock.workflow.nearest import Names
from penstock.workflow.plan import NodePlan, Plan

_DECIDING = frozenset({
    "uses", "with", "run", "when", "for_each", "item", "batch", "needs", "on_error", "limits",
    "egress",
})  # fmt: skip
"""Keys of a node that decide its outcome; others say when, where and how often it is tried."""

_CHANGES_BYTES_MAX = 4 * 1024 * 1024
"""Changes of variables that are taken over whole."""

_TOLD_MAX = 3
"""Places of a changed node that a finding names."""


class Past:
    """The past execution up to some event: its fold, and each node's last outcome."""

    def __init__(self, plan: Plan) -> None:
        self.state = ExecutionState(plan, keep_outputs=True)
        self.outcomes: dict[int, list[ev.CarriedOutcome]] = {}
        self.changes: list[VarsChanged] = []

    def take(self, events: Iterable[ev.Event], first_seq: int, at_us: int) -> None:
        """Apply consecutive events that were committed together."""
        for seq, event in enumerate(events, first_seq):
            self.state.apply(event, seq, at_us)
            carried = event.outcomes if isinstance(event, ev.OutcomesCarried) else (event,)
            for outcome in carried:
                self._note(outcome)

    def _note(self, event: ev.Event) -> None:
        match event:
            case VarsChanged():
                self.changes.append(event)
            case ev.NodeCompleted(ref=ref) if not ref.item:
                self.outcomes[ref.node] = [msgspec.structs.replace(event, logs=())]
            case ev.NodeFailed(ref=ref) if not ref.item and not event.retry_us:
                self.outcomes[ref.node] = [msgspec.structs.replace(event, logs=())]
            case ev.NodesSkipped():
                for node in event.nodes:
                    before = self.outcomes.get(node, [])
                    failed = event.reason == SkipReason.ON_ERROR
                    skip = ev.NodesSkipped((node,), event.reason)
                    self.outcomes[node] = [*(before if failed else ()), skip]
            case ev.NodesCancelled():
                for node in event.nodes:
                    self.outcomes.pop(node, None)


class Carried(msgspec.Struct, frozen=True):
    """What is taken over, as events with the new plan's numbers; `nodes` are its ids. `issues` are
    the reasons why it cannot be. `changes` are what the nodes taken over, and nobody else, did to
    variables, in the order in which it was done."""

    outcomes: tuple[ev.CarriedOutcome, ...]
    nodes: tuple[str, ...]
    issues: tuple[Issue, ...] = ()
    changes: tuple[VarsChanged, ...] = ()


def carry_over(past: Past, plan: Plan, again: Collection[str] = ()) -> Carried:
    """What an execution of `plan` takes over from the past, the nodes in `again` (ids) and what
    comes after them left out. O(size of both)."""
    ids = _ids(plan)
    issues = [_unknown(name, ids) for name in again if name not in ids]
    after = _downstream(plan, again)
    source = past.state.plan
    scratch = ExecutionState(plan)
    for root in scratch.tables.roots:
        scratch.taken[root] = 1
    found: list[ev.CarriedOutcome] = []
    names: list[str] = []
    ended = _ended(past, again)
    issues += [_missing(name) for name in ended if name not in ids]
    for node in plan.nodes:
        at = ended.get(node.id)
        if at is None or node.index in after or node.index == scratch.tables.failure_node:
            continue
        changes = _changes(source, source.nodes[at], plan, node)
        if changes:
            issues.append(_changed(node.id, changes))
            continue
        outcomes = [_renumbered(one, node.index) for one in past.outcomes[at]]
        if scratch.pending[node.index] == 0 and _fits(scratch, node, outcomes):
            _apply(scratch, outcomes)
            found += outcomes
            names.append(node.id)
    done = _changes_of_vars(past, plan, names)
    return Carried(tuple(found), tuple(names), tuple(issues), done)


def _changes_of_vars(past: Past, plan: Plan, names: Collection[str]) -> tuple[VarsChanged, ...]:
    """What these nodes did to variables. If it is too much for a row, values that were replaced
    later are left out: they count only for who goes back behind them from here once more."""
    source, kept = past.state.plan.nodes, frozenset(names)
    found = [
        VarsChanged(msgspec.structs.replace(one.ref, node=plan.index_of(name)), one.change)
        for one in past.changes
        if (name := source[one.ref.node].id) in kept
    ]
    if sum(len(value) for one in found for value in one.change.values_json) > _CHANGES_BYTES_MAX:
        found = _last_of_each(found)
    return tuple(found)


def _last_of_each(changes: list[VarsChanged]) -> list[VarsChanged]:
    seen: set[str] = set()
    found: list[VarsChanged] = []
    for one in reversed(changes):
        columns = zip(one.change.names, one.change.values_json, strict=True)
        left = [(name, value) for name, value in columns if name not in seen]
        if left:
            names, values = zip(*left, strict=True)
            seen.update(names)
            found.append(VarsChanged(one.ref, VarsChange(names, values)))
    return found[::-1]


def _ended(past: Past, again: Collection[str]) -> dict[str, int]:
    """The nodes of the past whose outcomes may count, with their numbers there."""
    plan, tables = past.state.plan, past.state.tables
    after = _downstream(plan, again)
    return {
        plan.nodes[index].id: index
        for index, outcomes in past.outcomes.items()
        if not (
            index in after
            or index == tables.failure_node
            or plan.nodes[index].hidden
            or (isinstance(outcomes[-1], ev.NodeFailed) and not tables.handles_failure[index])
        )
    }


def _ids(plan: Plan) -> frozenset[str]:
    return frozenset(node.id for node in plan.nodes if not node.hidden)


def _downstream(plan: Plan, again: Collection[str]) -> set[int]:
    """Plan indexes of these nodes and of everything after them; parents come first in a plan."""
    found: set[int] = set()
    for node in plan.nodes:
        if node.id in again or not found.isdisjoint(node.parents):
            found.add(node.index)
    return found


def _fits(scratch: ExecutionState, node: NodePlan, outcomes: list[ev.CarriedOutcome]) -> bool:
    """True if the plan would have let the node come to this, its parents having ended as taken
    over; and if it did not end the past execution."""
    last = outcomes[-1]
    if isinstance(last, ev.NodesSkipped) and last.reason == SkipReason.BRANCH:
        return not scratch.taken[node.index]
    if isinstance(last, ev.NodeFailed) and not scratch.tables.handles_failure[node.index]:
        return False
    return bool(scratch.taken[node.index])


def _apply(scratch: ExecutionState, outcomes: list[ev.CarriedOutcome]) -> None:
    scratch.apply(ev.OutcomesCarried(tuple(outcomes)), scratch.seq + 1, 0)


def _renumbered(outcome: ev.CarriedOutcome, node: int) -> ev.CarriedOutcome:
    if isinstance(outcome, ev.NodesSkipped):
        return ev.NodesSkipped((node,), outcome.reason)
    ref = msgspec.structs.replace(outcome.ref, node=node)
    return msgspec.structs.replace(outcome, ref=ref)


def _changes(source: Plan, had: NodePlan, plan: Plan, node: NodePlan) -> Differences:
    if source.definition_hash == plan.definition_hash:
        return Differences()
    found = node_differences(source, had, plan, node)
    deciding = [p for p in found.places if p.path.split(".")[0].split("[")[0] in _DECIDING]
    return Differences(tuple(deciding), cut=found.cut)


def _unknown(name: str, ids: frozenset[str]) -> Issue:
    hint = Names(sorted(ids)).hint(name)
    fix = hint or "name nodes of the version that is to run"
    return _issue("UNKNOWN_NODE", "from", f"the version has no node {name!r}", fix)


def _missing(name: str) -> Issue:
    return _issue(
        "NODE_MISSING",
        f"nodes.{name}",
        f"node {name} has ended, but the version that is to run does not have it",
        "run the version of the past execution, or start anew",
    )


def _changed(name: str, changes: Differences) -> Issue:
    places = [place.path for place in changes.places]
    told = ", ".join(places[:_TOLD_MAX])
    more = f" and {len(places) - _TOLD_MAX} more" if len(places) > _TOLD_MAX else ""
    return _issue(
        "NODE_CHANGED",
        f"nodes.{name}",
        f"the version that is to run defines node {name} differently: {told}{more}",
        f"begin again at {name} or before it, or run the version of the past execution",
    )


def _issue(code: str, path: str, message: str, fix: str) -> Issue:
    return Issue(code, "error", 0, 0, path, message, fix)
