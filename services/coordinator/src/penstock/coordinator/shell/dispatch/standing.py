"""Where the attempts of one execution stand in their queues, for people. Each queue is gone through
once however many of its attempts are asked about."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import islice

from penstock.coordinator.queueing.kinds import Kind
from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef

_COUNTED_MAX = 10_000
"""How far a queue is looked through for what comes first."""


class Standing:
    """Made for one answer: what was read of a queue is not read again. `why` says what attempts of
    a kind wait for."""

    def __init__(self, ready: ReadyQueues, live: Live, why: Callable[[Kind], str]) -> None:
        self._ready = ready
        self._live = live
        self._why = cache(why)
        self._read: dict[Kind, dict[NodeRef, str]] = {}
        self._beyond: dict[Kind, str] = {}

    def text(self, ref: NodeRef) -> str:
        """What an attempt that nobody has waits for, and what comes before it if it is queued."""
        kind = self._live.slots[ref.node].kind
        found = self._read.get(kind)
        if found is None:
            found = self._read[kind] = self._go_through(kind)
        return self._why(kind) + found.get(ref, self._beyond[kind])

    def _go_through(self, kind: Kind) -> dict[NodeRef, str]:
        """The sentences for all attempts that are found. O(entries looked at)."""
        self._beyond[kind] = ""
        queue = self._ready.get(kind)
        if queue is None:
            return {}
        found: dict[NodeRef, str] = {}
        ahead: Counter[int] = Counter()
        looked_at = 0
        for level, entry in islice(queue.entries(self._live.tenant), _COUNTED_MAX):
            looked_at += 1
            if entry.live is self._live:
                text = _sentence(ahead, level)
                found |= dict.fromkeys(islice(entry.refs, entry.at, None), text)
            ahead[level] += len(entry.refs) - entry.at
        if looked_at == _COUNTED_MAX:
            self._beyond[kind] = f" More than {_COUNTED_MAX:,} executions are before it."
        return found


def _sentence(ahead: Counter[int], level: int) -> str:
    more_urgent = sum(count for other, count in ahead.items() if other > level)
    before = more_urgent + ahead[level]
    if not before:
        return " It is the next one."
    urgent = f", {more_urgent:,} of them of higher priority" if more_urgent else ""
    return f" Before it: {before:,}{urgent}."
