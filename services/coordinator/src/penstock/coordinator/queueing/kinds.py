"""What an attempt needs of a worker: a pool, a node type, and what its node asks beyond that.

Attempts that need the same wait together. What the nodes of a plan need is worked out once and kept
with the plan.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from penstock.workflow.plan import NodePlan, Plan

MILLI = 1_000
"""Amounts of resources are counted in thousandths, so that taking and giving back is exact."""

Amounts = tuple[tuple[str, int], ...]
"""Resources by name, in thousandths of cpu, MiB or pieces."""

BY_EXECUTION = "execution"
NOWHERE = "none"


class Demand(msgspec.Struct, frozen=True):
    """What a node asks of a worker beyond its type: labels, resources, and with whom its attempts
    belong together (`affinity`; empty: with those of their execution)."""

    labels: tuple[tuple[str, str], ...] = ()
    resources: Amounts = ()
    affinity: str = ""

    @property
    def key(self) -> str:
        """The text of the key that says what belongs together; empty if it is the execution, or
        nothing is."""
        return "" if self.affinity == NOWHERE else self.affinity

    def allows(self, labels: Mapping[str, str], capacity: Mapping[str, int]) -> bool:
        """True if a worker with these labels and that much could take an attempt when idle."""
        return self.has_labels(labels) and all(
            capacity.get(name, 0) >= amount for name, amount in self.resources
        )

    def has_labels(self, labels: Mapping[str, str]) -> bool:
        """True if all labels asked for are there."""
        return all(labels.get(name) == value for name, value in self.labels)


class Kind(NamedTuple):
    """Attempts of one kind wait together and can go to the same workers."""

    pool: str
    uses: str
    demand: Demand | None = None


class Slot:
    """How attempts of a node queue: their kind, and the node's own priority if it has one. Nodes of
    a plan that queue alike share one."""

    __slots__ = ("kind", "priority")

    def __init__(self, kind: Kind, priority: int | None) -> None:
        self.kind = kind
        self.priority = priority


Slots = tuple[Slot, ...]
"""By node index."""


def amounts_of(resources: Mapping[str, float]) -> Amounts:
    """Resources as they are counted; what is nothing is left out."""
    counted = ((name, round(amount * MILLI)) for name, amount in sorted(resources.items()))
    return tuple((name, amount) for name, amount in counted if amount > 0)


def slots_of(plan: Plan) -> Slots:
    """How each node of the plan queues; worked out at the first call and kept with the plan."""
    slots: Slots | None = plan.__dict__.get("slots")
    if slots is None:
        known: dict[tuple[Kind, int | None], Slot] = {}
        slots = tuple(_slot(node, known) for node in plan.nodes)
        plan.__dict__["slots"] = slots
    return slots


def _slot(node: NodePlan, known: dict[tuple[Kind, int | None], Slot]) -> Slot:
    affinity = "" if node.affinity == BY_EXECUTION else node.affinity
    demand = Demand(tuple(sorted(node.labels.items())), amounts_of(node.resources), affinity)
    kind = Kind(node.pool, node.uses, None if demand == Demand() else demand)
    key = (kind, node.priority)
    if key not in known:
        known[key] = Slot(*key)
    return known[key]
