"""The shape of a workflow: order, cycles, ancestors. Nodes are numbers in the order of the file."""

import heapq
from collections.abc import Sequence

Parents = Sequence[Sequence[int]]

CYCLES_MAX = 20
"""Cycles told at once."""


def topological_order(parents: Parents) -> list[int]:
    """All nodes such that parents come first, ties in the order of the file; shorter if there are
    cycles."""
    children: list[list[int]] = [[] for _ in parents]
    pending = [0] * len(parents)
    for node, own in enumerate(parents):
        for parent in own:
            children[parent].append(node)
        pending[node] = len(own)
    ready = [node for node, count in enumerate(pending) if count == 0]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for child in children[node]:
            pending[child] -= 1
            if pending[child] == 0:
                heapq.heappush(ready, child)
    return order


def find_cycles(parents: Parents) -> list[list[int]]:
    """Cycles in the direction of the flow, without common nodes, at most CYCLES_MAX of them."""
    rest = set(range(len(parents))) - set(topological_order(parents))
    cycles: list[list[int]] = []
    while rest and len(cycles) < CYCLES_MAX:
        cycle = _one_cycle(parents, rest)
        cycles.append(cycle)
        rest -= set(cycle)
        kept = sorted(rest)
        number = {node: position for position, node in enumerate(kept)}
        inner = [[number[p] for p in parents[node] if p in rest] for node in kept]
        rest -= {kept[position] for position in topological_order(inner)}
    return cycles


def _one_cycle(parents: Parents, rest: set[int]) -> list[int]:
    """Walk up from the first node left over: each has a parent that is left over, so the walk meets
    itself."""
    node = min(rest)
    seen: dict[int, int] = {}
    walk: list[int] = []
    while node not in seen:
        seen[node] = len(walk)
        walk.append(node)
        node = min(parent for parent in parents[node] if parent in rest)
    cycle = walk[seen[node] :][::-1]
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]


class Ancestors:
    """Who comes before whom, as one bit set per node."""

    def __init__(self, parents: Parents) -> None:
        self._sets = [0] * len(parents)
        for node in topological_order(parents):
            bits = 0
            for parent in parents[node]:
                bits |= self._sets[parent] | (1 << parent)
            self._sets[node] = bits

    def is_before(self, node: int, other: int) -> bool:
        """True if `node` is an ancestor of `other`."""
        return bool(self._sets[other] >> node & 1)

    def count(self, node: int) -> int:
        """How many ancestors a node has."""
        return self._sets[node].bit_count()

    def of(self, node: int) -> list[int]:
        """All ancestors of a node."""
        bits = self._sets[node]
        return [position for position in range(bits.bit_length()) if bits >> position & 1]
