"""One turn of the core: what a step has decided so far."""

import msgspec

from penstock.coordinator.core.commands import (
    AnswerReport,
    CancelAttempts,
    Command,
    Dispatch,
    Finish,
    StoreOutput,
)
from penstock.workflow.execution.events import Event
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import Failure, NodeRef


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one input led to: events to write, then commands to carry out in this order."""

    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()


class Turn:
    """Gathers events and commands; an emitted event is applied at once, so rules see its effect.

    `fatal` is the first failure that nothing handles, with its node; it ends the execution when the
    turn is settled. `full` are fan-outs to be joined then. `claimed` is the attempt a worker asked
    to go on with. `accepted` is the answer to a report or signal, None if none is due.
    """

    __slots__ = (
        "accepted",
        "cancelled",
        "claimed",
        "claimer",
        "events",
        "fatal",
        "finish",
        "full",
        "now_us",
        "opened",
        "state",
        "stores",
    )

    def __init__(self, state: ExecutionState, now_us: int) -> None:
        self.state = state
        self.now_us = now_us
        self.events: list[Event] = []
        self.full: list[int] = []
        self.opened: list[NodeRef] = []
        self.cancelled: list[tuple[NodeRef, str]] = []
        self.stores: list[StoreOutput] = []
        self.accepted: bool | None = None
        self.claimed: NodeRef | None = None
        self.claimer = ""
        self.fatal: tuple[int, Failure] | None = None
        self.finish: Finish | None = None

    def emit(self, event: Event) -> None:
        """Decide an event: it is a fact from now on."""
        self.events.append(event)
        state = self.state
        state.apply(event, state.seq + 1, self.now_us)

    def open(self, ref: NodeRef) -> None:
        """An attempt is queued and may be handed to a worker."""
        self.opened.append(ref)

    def revoke(self, key: int) -> None:
        """Take the current attempt under this key from its worker, if one has it.

        Called before the event that ends the attempt, while the state still knows its number.
        """
        worker = self.state.holders.pop(key, None)
        if worker is not None:
            self.cancelled.append((self.state.current_ref(key), worker))

    def revoke_node(self, node: int) -> None:
        """Take every attempt of a node and of its items back, those opened in this turn included.

        Linear in what workers hold of the execution.
        """
        self.opened = [ref for ref in self.opened if ref.node != node]
        size = self.state.tables.size
        for key in [key for key in self.state.holders if key % size == node]:
            self.revoke(key)

    def refuse(self) -> Step:
        """The step that refuses a report and does nothing else."""
        return Step((), (AnswerReport(accepted=False),))

    def close(self) -> Step:
        """The finished step. Commands of an execution that has ended or is paused hand out no
        work."""
        commands: list[Command] = []
        if self.accepted is not None:
            commands.append(AnswerReport(self.accepted))
        if self.cancelled:
            refs, workers = zip(*self.cancelled, strict=True)
            commands.append(CancelAttempts(refs, workers))
        if self.finish is not None:
            commands.append(self.finish)
        else:
            commands.extend(self.stores)
            if self.opened and not self.state.is_paused:
                commands.append(Dispatch(tuple(self.opened)))
        return Step(tuple(self.events), tuple(commands))
