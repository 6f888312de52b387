"""Which worker gets what. Pure: workers are anything with free room, so tests need none."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from penstock.workflow.execution.values import NodeRef
from penstock.workflow.plan import Plan

CHUNK_MAX = 32
"""Attempts of one execution handed to one worker before the next execution has its turn."""

WIDE_CHILDREN = 16
"""A node with more children than this is a fan-out by hand: its children go to all workers."""


class Room(Protocol):
    """A worker as placement sees it: `free` is how many more tasks it takes."""

    free: int


RoomT = TypeVar("RoomT", bound=Room)


def roomiest(workers: Sequence[RoomT]) -> RoomT | None:
    """The worker with the most free credits, the first of equals; None if none has any."""
    best = None
    most = 0
    for worker in workers:
        if worker.free > most:
            best, most = worker, worker.free
    return best


def chunk_size(waiting: int, workers: int, free: int) -> int:
    """How many of an execution's `waiting` attempts the chosen worker gets at once: a fair share
    of them, so that a small fan-out spreads, and never more than it has room for."""
    return min(free, CHUNK_MAX, -(-waiting // workers))


def may_continue(plan: Plan, refs: Sequence[NodeRef]) -> bool:
    """Whether a worker that gets these attempts may go on to their children.

    Not when a child of theirs is one of many: those are worth more side by side on all workers
    than one after the other on this one.
    """
    nodes = plan.nodes
    if len(refs) == 1:
        return len(nodes[refs[0].node].children) <= WIDE_CHILDREN
    return all(len(nodes[ref.node].children) <= WIDE_CHILDREN for ref in refs)
