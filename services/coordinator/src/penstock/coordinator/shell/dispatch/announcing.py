"""Attempts whose effect may happen only once: who gets them is on disk before they go out."""

from collections.abc import Callable, Sequence

from penstock.common.errors import PenstockError
from penstock.coordinator.core.inputs import HandOver
from penstock.coordinator.shell.dispatch.workers import Worker
from penstock.coordinator.shell.live import Caller, Live
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import NodeRef

Announce = Callable[[Live, HandOver, Caller], None]
"""Has it written who gets attempts, and tells the caller when it is."""

Send = Callable[[Worker, Live, Sequence[NodeRef]], None]


def happens_once(state: ExecutionState, ref: NodeRef) -> bool:
    """True if it must be known for ever that a worker got this attempt; not so if the attempt only
    evaluates a list."""
    node = state.tables.nodes[ref.node]
    if node.effects != "once" or (node.for_each is not None and not ref.item):
        return False
    return state.key(ref) not in state.handed_over


class Announced:
    """Sends the attempts once it is on disk that this worker gets them, if it still does."""

    __slots__ = ("_refs", "_send", "_worker")

    def __init__(self, send: Send, worker: Worker, refs: Sequence[NodeRef]) -> None:
        self._send = send
        self._worker = worker
        self._refs = refs

    def on_committed(self, live: Live, accepted: bool) -> None:
        """It is on disk."""
        state, worker = live.state, self._worker
        refs = [
            ref
            for ref in self._refs
            if state.is_current(ref) and state.holders.get(state.key(ref)) == worker.id
        ]
        if refs and not live.gone:
            self._send(worker, live, refs)

    def on_failed(self, error: PenstockError) -> None:
        """The shard is lost: whoever has it now decides anew."""
