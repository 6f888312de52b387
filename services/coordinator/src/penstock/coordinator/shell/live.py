"""What the shell holds of a live execution, and of a shard."""

from enum import Enum, auto
from typing import Protocol

from penstock.common.errors import PenstockError
from penstock.coordinator.core.commands import Finish
from penstock.coordinator.core.inputs import Input
from penstock.coordinator.limits.cluster_rates import ClusterRates
from penstock.coordinator.limits.keys import limits_of
from penstock.coordinator.queueing.kinds import slots_of
from penstock.coordinator.shell.dispatch.workers import Worker
from penstock.coordinator.shell.limits.gated import Permits, permits_for
from penstock.workflow.execution.events import Event
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.plan import Plan


class Phase(Enum):
    """Where a shard stands with this coordinator."""

    LOADING = auto()
    OWNED = auto()
    LEAVING = auto()
    GONE = auto()


class Shard:
    """A shard under this coordinator's lease. `head` is the position of the last record sent;
    `absent` are those who wait for the end of an execution that left memory. `settled`: when it was
    taken, nothing of it ran under a limit."""

    __slots__ = ("absent", "epoch", "executions", "head", "number", "phase", "settled")

    def __init__(self, number: int, epoch: int, head: int, *, settled: bool = False) -> None:
        self.number = number
        self.epoch = epoch
        self.head = head
        self.settled = settled or epoch == 1
        self.phase = Phase.LOADING
        self.executions: dict[str, Live] = {}
        self.absent: dict[str, list[EndWaiter]] = {}


class Caller(Protocol):
    """Somebody who waits for an input to be on disk."""

    def on_committed(self, live: "Live", accepted: bool) -> None:
        """It is. `accepted` is false for what the core refused."""
        ...

    def on_failed(self, error: PenstockError) -> None:
        """It cannot be known, or was not done."""
        ...


class EndWaiter(Protocol):
    """Somebody who waits for an execution to end."""

    def on_ended(self, live: "Live", end: Finish) -> None:
        """The end is on disk."""
        ...

    def on_failed(self, error: PenstockError) -> None:
        """This coordinator will not know."""
        ...


class Recovered:
    """Workers had their time to say what they hold of an execution that was loaded."""


class Confirm:
    """Somebody wants to know once everything decided so far is on disk."""


Happening = Input | Recovered | Confirm
"""What can be put into the inbox."""

Early = tuple[Happening, Caller | None]
"""What arrived for a loaded execution before it was recovered."""


class Live:
    """One execution in memory. Which worker has which attempt is in `state.holders`.

    `early`: what arrived for a loaded execution before it was recovered, None afterwards.
    `favourite`: the worker that had the last attempt. `gone`: it is forgotten. `started`: its first
    record is on disk. `unsent`: a turn's events. `wake_us`: the timer that is armed, 0 for none.
    `rests`: the last record sent says that it is at rest. `slots`: how its nodes queue; `usual`: it
    has neither a priority nor a deadline, None before anybody looked. `permits`: its part in
    limits, None if it is under none. `shown_vars`: its variables as of what is on disk, None before
    they are asked for.
    """

    __slots__ = (
        "early",
        "favourite",
        "gone",
        "id",
        "permits",
        "plan",
        "rests",
        "shard",
        "shown_vars",
        "slots",
        "started",
        "state",
        "tenant",
        "unsent",
        "usual",
        "waiters",
        "wake_us",
    )

    def __init__(self, execution_id: str, tenant: str, shard: Shard, plan: Plan) -> None:
        self.id = execution_id
        self.tenant = tenant
        self.shard = shard
        self.plan = plan
        self.slots = slots_of(plan)
        self.usual: bool | None = None
        self.state = ExecutionState(plan)
        self.early: list[Early] | None = None
        self.unsent: list[Event] = []
        self.favourite: Worker | None = None
        self.waiters: list[EndWaiter] = []
        self.started = False
        self.rests = False
        self.wake_us = 0
        self.gone = False
        self.permits: Permits | None = None
        self.shown_vars: bytes | None = None


class Executions:
    """All executions in memory of all shards, by id. `set_aside` are those that broke the engine or
    cannot be read: not touched again by this process. `rates` hold for all of them."""

    def __init__(self, rates: ClusterRates | None = None) -> None:
        self._rates = rates
        self.by_id: dict[str, Live] = {}
        self.set_aside: set[str] = set()

    def __len__(self) -> int:
        return len(self.by_id)

    def get(self, execution_id: str) -> Live | None:
        """The live execution, if it is here."""
        return self.by_id.get(execution_id)

    def add(self, live: Live) -> None:
        """Hold a new one."""
        limits = limits_of(live.plan, live.tenant, self._rates)
        live.permits = permits_for(limits, live.state) if limits is not None else None
        if live.state.variables is not None:  # it was loaded, so all of it is on disk
            live.shown_vars = live.state.variables.text()
        self.by_id[live.id] = live
        live.shard.executions[live.id] = live

    def forget(self, live: Live) -> None:
        """Drop one."""
        live.gone = True
        live.favourite = None
        self.by_id.pop(live.id, None)
        live.shard.executions.pop(live.id, None)
