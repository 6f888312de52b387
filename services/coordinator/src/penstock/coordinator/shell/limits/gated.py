"""What the gate keeps of one execution."""

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.coordinator.limits.keys import PlanLimits
from penstock.coordinator.limits.permits import Ask, PermitId
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.values import NodeRef, NodeStatus

_WITH_WORKERS = (int(NodeStatus.RUNNING), int(NodeStatus.WAITING))


class Entry(msgspec.Struct):
    """An attempt at the gate, or past it and not over: the permits it needs, and how many of them
    it has. `ref` is None for the execution as a whole. `given`: a worker got it."""

    ref: NodeRef | None
    steps: tuple[Ask, ...]
    at: int = 0
    given: bool = False


class Permits:
    """One execution's part in `limits`. `admitted`: the execution as a whole may run; until then,
    and until what its keys read is at hand, attempts are `parked`. `values` are what keys read.
    `later`: what is parked is on its way in. `touched`: how much of what people did to the
    execution was seen. `unsure_us`: until then something may run that was lost sight of."""

    __slots__ = (
        "admitted",
        "fetching",
        "later",
        "limits",
        "nodes",
        "parked",
        "touched",
        "unsure_us",
        "values",
    )

    def __init__(self, limits: PlanLimits, *, admitted: bool) -> None:
        self.limits = limits
        self.admitted = admitted
        self.nodes: dict[int, dict[PermitId, Entry]] = {}
        self.parked: list[tuple[NodeRef, ...]] = []
        self.values: dict[str, Any] = {}
        self.fetching = False
        self.later = False
        self.touched = 0
        self.unsure_us = 0

    def get(self, permit: PermitId) -> Entry | None:
        """The entry of a permit."""
        return self.nodes.get(permit.node, {}).get(permit)

    def add(self, permit: PermitId, entry: Entry) -> None:
        """Somebody comes to the gate."""
        self.nodes.setdefault(permit.node, {})[permit] = entry

    def pop(self, permit: PermitId) -> Entry | None:
        """It is over."""
        own = self.nodes.get(permit.node)
        entry = own.pop(permit, None) if own is not None else None
        if not own:
            self.nodes.pop(permit.node, None)
        return entry

    def __iter__(self) -> Iterator[tuple[PermitId, Entry]]:
        """All entries, as they are now."""
        return iter([pair for own in self.nodes.values() for pair in own.items()])


def permits_for(limits: PlanLimits, state: StateData) -> Permits:
    """What the gate keeps of an execution. One that has begun was admitted."""
    return Permits(limits, admitted=not limits.whole or has_begun(state))


def has_begun(state: StateData) -> bool:
    """True if a worker certainly had something of the execution. Attempts that were lost may have
    waited at the gate all the time; nodes may have been ended by a deadline or a person there, or
    have ended in another execution."""
    status = bytes(state.status)
    if any(one in status for one in _WITH_WORKERS) or state.failure_counts or state.fan_outs:
        return True
    options = state.started.options if state.started is not None else None
    is_new = options is None or options.origin is None
    return is_new and state.touched is None and int(NodeStatus.COMPLETED) in status
