"""One turn of the core: what a step has decided so far."""

import msgspec

from penstock.coordinator.core.commands import (
    AnswerReport,
    CancelAttempts,
    Command,
    Dispatch,
    Finish,
    ShowVars,
    StoreOutput,
)
from penstock.coordinator.core.holding import holds_before
from penstock.coordinator.core.notices import ChildCancel, Notice
from penstock.workflow.execution.events import Event
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import Failure, NodeRef

_GIVEN_UP = "The execution that waited for it gave it up."


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one input led to: events to write, then commands to carry out in this order.

    `notices` are written with the events and delivered after that; `settled` are notices of the
    execution's shard that the same commit does away with.
    """

    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()
    notices: tuple[Notice, ...] = ()
    settled: tuple[int, ...] = ()


class Turn:
    """Gathers events and commands; an emitted event is applied at once, so rules see its effect.

    `fatal` is the first failure that nothing handles, with its node; it ends the execution when the
    turn is settled. `full` are fan-outs to be joined then. `claimed` is the attempt a worker asked
    to go on with. `accepted` is the answer to a report or signal, None if none is due. `notices`
    are owed to other executions, `settled` are those that need not be tried again. `shows_vars`:
    variables have changed.
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
        "notices",
        "now_us",
        "opened",
        "settled",
        "shows_vars",
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
        self.notices: list[Notice] = []
        self.settled: list[int] = []
        self.shows_vars = False

    def emit(self, event: Event) -> None:
        """Decide an event: it is a fact from now on."""
        self.events.append(event)
        state = self.state
        state.apply(event, state.seq + 1, self.now_us)

    def open(self, ref: NodeRef) -> None:
        """An attempt is queued and may be handed to a worker, unless a debugger holds it."""
        if self.state.debug is None or not holds_before(self, ref):
            self.opened.append(ref)

    def open_again(self, ref: NodeRef) -> None:
        """The same for an attempt that takes the place of one that was handed out or let go: no
        breakpoint is met once more."""
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

        So are its sub-workflows. Linear in what workers hold of the execution.
        """
        if self.state.waits.children:
            self.give_up_children(node)
        self.opened = [ref for ref in self.opened if ref.node != node]
        size = self.state.tables.size
        for key in [key for key in self.state.holders if key % size == node]:
            self.revoke(key)

    def give_up_children(self, node: int | None = None) -> None:
        """Owe a cancel to the sub-workflows that a node and its items wait for, or that anything
        does. Called before the event that ends these waits; linear in the children."""
        size = self.state.tables.size
        for key in self.state.waits.children.values():
            if node is None or key % size == node:
                self.give_up_child(key)

    def give_up_child(self, key: int) -> None:
        """Owe a cancel to the sub-workflow that is waited for under this key, if one is."""
        wait = self.state.waits.sleeping.get(key)
        child = wait.child if wait is not None else None
        if child is not None and not child.outlives:
            self.notices.append(ChildCancel(child.execution_id, _GIVEN_UP))

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
            variables = self.state.variables
            if self.shows_vars and variables is not None:
                commands.append(ShowVars(variables.text()))
            if self.opened and not self.state.is_paused:
                commands.append(Dispatch(tuple(self.opened)))
        return Step(tuple(self.events), tuple(commands), tuple(self.notices), tuple(self.settled))
