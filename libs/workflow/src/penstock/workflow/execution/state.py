"""What is known of one execution: the data that the fold fills, and questions about it.

What is held is bounded by what is live. A node's outcome is dropped once every node that reads it
has ended (the output node's is held to the end); a fan-out is dropped when its node ends;
everything is dropped when the execution ends. With `keep_outputs` nothing is dropped: that is for
readers.

A *key* names a node or an item in one integer: `item * size + node` where `size` is the plan's
number of nodes.
"""

from array import array

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.debugging import Debugging
from penstock.workflow.execution.facts import NodeFacts
from penstock.workflow.execution.fan_out import FanOut
from penstock.workflow.execution.tables import PlanTables, Steps, tables_of
from penstock.workflow.execution.touched import Touched
from penstock.workflow.execution.values import Failure, NodeRef, NodeStatus, Payload
from penstock.workflow.execution.variables import Variables
from penstock.workflow.execution.waits import BEGINNING, Waits
from penstock.workflow.plan import Plan

_PENDING = int(NodeStatus.PENDING)
_QUEUED = int(NodeStatus.QUEUED)
_RUNNING = int(NodeStatus.RUNNING)


class StateData:
    """The state of one execution without the meaning of events.

    `status`, `attempts`, `pending` (edges from parents that have not ended), `taken` (some edge
    into it is taken) and `readers` (who still wants its outcome) are by node index; `outputs` and
    `failures` too, as far as they are held. Not part of the fold: `undecided`, nodes whose parents
    have all ended since somebody last looked, and `holders`, the worker of an attempt by key.
    `variables` are None unless the plan uses some or the start gave some.
    """

    __slots__ = (
        "attempts",
        "debug",
        "end",
        "facts",
        "failing",
        "failure_counts",
        "failures",
        "fan_outs",
        "handed_over",
        "holders",
        "keep_outputs",
        "outputs",
        "pending",
        "plan",
        "readers",
        "remaining",
        "seq",
        "started",
        "started_us",
        "status",
        "tables",
        "taken",
        "touched",
        "undecided",
        "updated_us",
        "variables",
        "waits",
    )

    def __init__(self, plan: Plan, keep_outputs: bool = False) -> None:
        tables: PlanTables = tables_of(plan)
        size = tables.size
        self.plan = plan
        self.tables = tables
        self.keep_outputs = keep_outputs
        self.seq = 0
        self.updated_us = 0
        self.started: ev.ExecutionStarted | None = None
        self.started_us = 0
        self.end: ev.ExecutionEnded | None = None
        self.remaining = size
        self.status = bytearray([_PENDING]) * size
        self.pending = array("I", tables.pending)
        self.taken = bytearray(tables.certain)
        self.readers = array("I", tables.readers)
        self.attempts = array("I", bytes(4 * size))
        self.outputs: dict[int, Payload] = {}
        self.failures: dict[int, Failure] = {}
        self.failing: ev.FailureTaken | None = None
        self.failure_counts: dict[int, int] = {}
        self.fan_outs: dict[int, FanOut] = {}
        self.waits = Waits()
        self.facts: dict[int, NodeFacts] = {}
        self.touched: Touched | None = None
        self.debug: Debugging | None = None
        self.variables: Variables | None = None
        self.handed_over: set[int] = set()
        self.undecided: list[int] = []
        self.holders: dict[int, str] = {}

    @property
    def is_plain(self) -> bool:
        """True if a node that ends well changes statuses and outputs and nothing else: no failures,
        fan-outs, sleeping nodes or nodes' deadlines are held, nobody has intervened or debugs, and
        nobody wants to keep everything."""
        return not (
            self.keep_outputs
            or self.failures
            or self.failure_counts
            or self.fan_outs
            or self.waits.sleeping
            or self.waits.deadlines
            or self.touched is not None
            or self.debug is not None
        )

    @property
    def is_paused(self) -> bool:
        """True while nothing may be handed out."""
        return self.touched is not None and self.touched.paused is not None

    @property
    def is_watched(self) -> bool:
        """True if somebody has laid hands on it or debugs it: it may rest though nothing waits."""
        return self.touched is not None or self.debug is not None

    def is_held(self, key: int) -> bool:
        """True if a pause or a debugger keeps what is under this key from everybody."""
        if self.touched is not None and self.touched.holds(key):
            return True
        return self.debug is not None and key in self.debug.held

    @property
    def is_delayed(self) -> bool:
        """True until the time that the start was put off to."""
        return BEGINNING in self.waits.due

    @property
    def begin_us(self) -> int:
        """When it began or is to begin: its start, unless that was put off."""
        options = self.started.options if self.started is not None else None
        return max(self.started_us, options.not_before_us if options is not None else 0)

    @property
    def parent(self) -> ev.Parent | None:
        """The node that started this execution, if one did."""
        options = self.started.options if self.started is not None else None
        return options.parent if options is not None else None

    @property
    def depth(self) -> int:
        """How many executions are above this one."""
        parent = self.parent
        return parent.depth if parent is not None else 0

    def key(self, ref: NodeRef) -> int:
        """The key of the node or item that this is an attempt of."""
        return ref.item * self.tables.size + ref.node

    def current_ref(self, key: int) -> NodeRef:
        """The current attempt under a key."""
        item, node = divmod(key, self.tables.size)
        attempt = self.fan_outs[node].attempt(item) if item else self.attempts[node]
        return NodeRef(node, item, attempt)

    def status_of(self, ref: NodeRef) -> int:
        """Status of the node or item; an item of a fan-out that is over has the node's status."""
        fan_out = self.fan_outs.get(ref.node) if ref.item else None
        return fan_out.status_of(ref.item) if fan_out else self.status[ref.node]

    def is_current(self, ref: NodeRef) -> bool:
        """True if this attempt is queued or running: it may be handed over, started and
        reported."""
        node = ref.node
        if node >= self.tables.size:
            return False
        fan_out = self.fan_outs.get(node)
        if ref.item:
            if (
                fan_out is None
                or ref.item > fan_out.count
                or fan_out.attempt(ref.item) != ref.attempt
            ):
                return False
            return fan_out.status_of(ref.item) in (_QUEUED, _RUNNING)
        status = self.status[node]
        is_open = status in (_QUEUED, _RUNNING) and fan_out is None
        return is_open and self.attempts[node] == ref.attempt

    def hand_over(self, ref: NodeRef, worker: str) -> None:
        """Note that a worker has this attempt now; not part of the fold."""
        self.holders[ref.item * self.tables.size + ref.node] = worker

    def end_node(self, node: int, status: int, steps: Steps, at_us: int) -> None:
        """A node became terminal: tell children and release what nobody else will read."""
        if self.keep_outputs:
            self.note_node_end(node, at_us)
        self.status[node] = status
        self.remaining -= 1
        if self.waits.deadlines:
            self.waits.deadlines.pop(node, None)
        if self.debug is not None:
            self.debug.note_end(node, steps)
        if self.failure_counts or self.fan_outs:
            self.drop_items(node)
        pending = self.pending
        for child, taken in steps:
            left = pending[child] - 1
            pending[child] = left
            if taken:
                self.taken[child] = 1
            if not left:
                self.undecided.append(child)
        if self.keep_outputs:
            return
        readers = self.readers
        for read in self.tables.reads[node]:
            readers[read] -= 1
            if not readers[read]:
                self.outputs.pop(read, None)
                if self.failures:
                    self.failures.pop(read, None)
        if self.failures and not readers[node]:
            self.failures.pop(node, None)

    def drop_items(self, node: int) -> None:
        """Forget a fan-out and whatever its items wait for; linear in what waits, and only if some
        item is open."""
        self.failure_counts.pop(node, None)
        fan_out = self.fan_outs.pop(node, None)
        if fan_out is None or fan_out.done == fan_out.count:
            return
        size = self.tables.size
        self.waits.drop_items(node, size)
        for key in [key for key in self.failure_counts if key % size == node]:
            del self.failure_counts[key]

    def queue_attempt(self, ref: NodeRef) -> None:
        """This attempt is the current one from now on, and queued."""
        self.set_status(ref, _QUEUED)
        if self.debug is not None:
            self.debug.drop_outcome(self.key(ref))
        if ref.item:
            self.fan_outs[ref.node].attempts[ref.item] = ref.attempt
        else:
            self.attempts[ref.node] = ref.attempt
        self.handed_over.discard(self.key(ref))
        if self.touched is not None and self.touched.paused is not None:
            self.touched.held.add(self.key(ref))

    def set_status(self, ref: NodeRef, status: int) -> None:
        """Move a node or an item to a status that is not terminal."""
        if ref.item:
            self.fan_outs[ref.node].set_status(ref.item, status)
        else:
            self.status[ref.node] = status
            self.attempts[ref.node] = ref.attempt

    def arm_deadline(self, node: int, at_us: int) -> None:
        """A node's own deadline runs from the commit that first let it go."""
        lasts_us = self.tables.deadline_us[node]
        if lasts_us:
            self.waits.arm_node_deadline(node, at_us + lasts_us)

    def facts_of(self, node: int) -> NodeFacts:
        """The node's facts for readers, made when first asked for."""
        facts = self.facts.get(node)
        if facts is None:
            facts = self.facts[node] = NodeFacts()
        return facts

    def note_node_end(self, node: int, at_us: int) -> None:
        """For readers: a node that had begun has ended."""
        if self.status[node] == _PENDING and node not in self.facts:
            return
        facts = self.facts_of(node)
        facts.note_end(at_us)
        if node in self.fan_outs:
            facts.note_items(self.fan_outs[node])


def progress(state: StateData) -> tuple[int, int]:
    """How many nodes have ended, and of how many; one that the engine added does not count."""
    size, hidden = state.tables.size, state.tables.hidden
    done = size - state.remaining
    if hidden < 0:
        return done, size
    return done - (state.status[hidden] >= NodeStatus.COMPLETED), size - 1
