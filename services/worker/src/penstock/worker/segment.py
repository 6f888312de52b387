"""Which nodes a worker may go on with after a leased one: the rules of segments. Pure.

A child may follow if all its parents ended well within this very segment and every edge into it is
taken, if all it reads is at hand, and if its traits allow it. Parents from outside do not count
even when their outputs are at hand: whether they chose the edge is not known here. What is not
followed is dispatched by the coordinator, so being strict costs a hop and never correctness.
Slow nodes are not followed: their predecessors' outcomes are told first, and other workers can
share them.

Pure nodes run at once. A node with effects has to wait for the commit of everything before it (the
effect barrier) and then is the segment's new lease. Pure JavaScript nodes that are connected run as
one call into V8.
"""

from collections.abc import Container, Mapping, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from penstock.workflow.execution.tables import PlanTables
from penstock.workflow.execution.values import NodeStatus
from penstock.workflow.plan import NodePlan, SandboxLimits

NODES_MAX = 256
"""Nodes of one segment; the rest is dispatched, so that wide graphs spread over workers."""
SEGMENT_US_MAX = 20_000
"""A segment that ran this long goes on with nothing more, so that its outcomes are seen soon."""

SLOW_US = 20_000
"""A node that ran this long twice in a row (once may be the machine's doing) is dispatched on its
own from then on ..."""
QUICK_US = 5_000
"""... until it is seen to run no longer than this."""


class Traits(msgspec.Struct, frozen=True):
    """What the rules want to know of a node.

    `follows`: may run in a segment of this worker. `commits_first`: has effects. `fuses`: pure
    JavaScript that can share a call with others of the same `shape`. `chooses`: may route, so that
    what comes after it is not known beforehand.
    """

    follows: bool
    commits_first: bool
    fuses: bool
    chooses: bool
    shape: tuple[float, SandboxLimits]


def traits_of(node: NodePlan, *, pool: str, host_functions: Sequence[str], chooses: bool) -> Traits:
    """The traits of a node for a worker of this pool."""
    pure = node.effects == "none" and not host_functions
    return Traits(
        follows=(
            node.pool == pool
            and node.for_each is None
            and node.segment_friendly
            and not node.collects
        ),
        commits_first=not pure,
        fuses=node.script is not None and pure and node.when is None and node.for_each is None,
        chooses=chooses,
        shape=(node.timeout_s, node.limits),
    )


class SegmentRules:
    """Traits and edges of a plan, by node index. `slow` are the nodes that lately took long,
    `suspects` those that did so the last time."""

    __slots__ = ("edge_counts", "reads", "slow", "suspects", "tables", "traits")

    def __init__(
        self, tables: PlanTables, traits: Sequence[Traits], slow: frozenset[int] = frozenset()
    ) -> None:
        self.slow = slow
        self.suspects: frozenset[int] = frozenset()
        self.tables = tables
        self.traits = tuple(traits)
        self.edge_counts = tuple(len(node.edges) for node in tables.nodes)
        self.reads = tables.reads

    @property
    def wants_all(self) -> bool:
        """True if quick runs are of interest too."""
        return bool(self.slow or self.suspects)

    def observe(self, node: int, duration_us: int) -> bool:
        """Learn from how long a run of a node took; True if what may follow changed by it."""
        was_suspect = node in self.suspects
        if duration_us < SLOW_US:
            self.suspects -= {node}
        elif not was_suspect:
            self.suspects |= {node}
        elif node not in self.slow:
            self.slow |= {node}
            return True
        if duration_us <= QUICK_US and node in self.slow:
            self.slow -= {node}
            return True
        return False

    def fuse(
        self,
        seeds: Sequence[int],
        taken: Mapping[int, int],
        at_hand: Container[int],
    ) -> tuple[int, ...]:
        """The connected pure JavaScript nodes that can run with `seeds` in one call, in order.

        `taken` counts the taken edges into nodes so far, `at_hand` holds what may be read. A node
        joins once all edges into it come from members or are taken, and none depends on a choice.
        """
        shape = self.traits[seeds[0]].shape
        members: set[int] = set(seeds)
        counts: dict[int, int] = {}
        waiting = list(seeds)
        heapify(waiting)
        order: list[int] = []
        while waiting and len(order) < NODES_MAX:
            node = heappop(waiting)
            order.append(node)
            if self.traits[node].chooses:
                continue
            for child, is_taken in self.tables.after_completed[node]:
                if not is_taken or child in members:
                    continue
                counts[child] = counts.get(child, taken.get(child, 0)) + 1
                traits = self.traits[child]
                if (
                    counts[child] == self.edge_counts[child]
                    and traits.follows
                    and traits.fuses
                    and child not in self.slow
                    and traits.shape == shape
                    and all(read in members or read in at_hand for read in self.reads[child])
                ):
                    members.add(child)
                    heappush(waiting, child)
        return tuple(order)


class Run(msgspec.Struct, frozen=True):
    """Run these now; more than one are JavaScript nodes for one call."""

    nodes: tuple[int, ...]


class CommitThenRun(msgspec.Struct, frozen=True):
    """Report, wait for the commit, then run this node under the new lease."""

    node: int


class Finish(msgspec.Struct, frozen=True):
    """Report; there is nothing to go on with."""


NextStep = Run | CommitThenRun | Finish


class Progress:
    """What a segment has done so far."""

    __slots__ = ("_candidates", "_held", "_rules", "_taken", "ended")

    def __init__(self, rules: SegmentRules, held: Container[int]) -> None:
        self._rules = rules
        self._held = held
        self._taken: dict[int, int] = {}
        self._candidates: set[int] = set()
        self.ended: set[int] = set()

    def __contains__(self, node: object) -> bool:
        return node in self.ended or node in self._held

    def is_ready(self, node: int) -> bool:
        """True if all edges into the node are taken from nodes of this segment."""
        return self._taken.get(node, 0) == self._rules.edge_counts[node] > 0

    def note_completed(self, node: int, chosen: tuple[str, ...] = (), *, routed: bool) -> None:
        """A node of the segment ended well."""
        self.ended.add(node)
        self._candidates.discard(node)
        for child, taken in self._rules.tables.after(node, NodeStatus.COMPLETED, chosen, routed):
            if taken:
                self._taken[child] = self._taken.get(child, 0) + 1
                self._candidates.add(child)

    def note_other(self, node: int) -> None:
        """A node of the segment slept, was not wanted or failed: nothing follows it here."""
        self._candidates.discard(node)

    def claim(self, node: int) -> None:
        """The segment goes on with `node` after a commit; whatever else is ready now is dispatched
        by that commit and must not be followed here any more."""
        self._candidates = {one for one in self._candidates if not self.is_ready(one)}
        self._candidates.discard(node)

    def next_step(self, spent_us: int) -> NextStep:
        """What to do now. Pure nodes go first; one node with effects can be claimed at the end."""
        if spent_us >= SEGMENT_US_MAX or len(self.ended) >= NODES_MAX:
            return Finish()
        rules = self._rules
        ready = sorted(
            node
            for node in self._candidates
            if rules.traits[node].follows
            and node not in rules.slow
            and self.is_ready(node)
            and all(read in self for read in rules.reads[node])
        )
        scripts = [node for node in ready if rules.traits[node].fuses]
        if scripts:
            shape = rules.traits[scripts[0]].shape
            seeds = [node for node in scripts if rules.traits[node].shape == shape]
            return Run(rules.fuse(seeds, self._taken, self))
        for node in ready:
            if not rules.traits[node].commits_first:
                return Run((node,))
        return CommitThenRun(ready[0]) if ready else Finish()
