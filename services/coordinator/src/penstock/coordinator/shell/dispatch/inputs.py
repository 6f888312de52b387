"""What attempts read of other nodes, weighed: it travels with their tasks, in messages of a bounded
size.

Attempts of one execution that go to one worker together share what they read; if that is too much
for a message they go in portions. A single node that reads more than a message takes can never run,
so it fails with a clear reason in place of breaking the connection of every worker in turn.
"""

from collections.abc import Callable, Iterator, Sequence

from penstock.coordinator.core.inputs import AttemptRefused
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import INLINE_BYTES_MAX, Failure, NodeRef

INPUTS_BYTES_MAX = 48 * 1024 * 1024
"""Of one attempt: as much as a call into the sandbox carries, and less than a message."""
Refuse = Callable[[Live, AttemptRefused], None]
"""Fails an attempt that nobody has."""

_TOGETHER_BYTES = 4 * 1024 * 1024
_FEW_OUTPUTS = _TOGETHER_BYTES // INLINE_BYTES_MAX
"""So many go together whatever their sizes."""


def portions(state: ExecutionState, refs: Sequence[NodeRef]) -> Iterator[Sequence[NodeRef]]:
    """The attempts in groups that read little enough together; nearly always one. O(what they
    read), O(attempts) if they are all of one node, O(1) if the execution holds few outputs."""
    reads, outputs = state.tables.reads, state.outputs
    first = refs[0].node
    few = len(refs) == 1 or len(outputs) <= _FEW_OUTPUTS
    if few or all(ref.node == first for ref in refs):
        yield refs
        return
    portion: list[NodeRef] = []
    seen: set[int] = set()
    size = 0
    for ref in refs:
        news = [read for read in reads[ref.node] if read not in seen]
        more = sum(len(outputs[read].json) for read in news if read in outputs)
        if portion and size + more > _TOGETHER_BYTES:
            yield portion
            portion, seen, size = [], set(), 0
            news = list(reads[ref.node])
            more = sum(len(outputs[read].json) for read in news if read in outputs)
        portion.append(ref)
        seen.update(news)
        size += more
    yield portion


def carried(live: Live, refs: Sequence[NodeRef], refuse: Refuse) -> Sequence[NodeRef]:
    """Those of the attempts whose inputs can be sent at all; the others are refused."""
    wide = live.state.tables.wide
    kept: list[NodeRef] = []
    for ref in refs:
        refused = _refusal(live.state, ref) if ref.node in wide else None
        if refused is None:
            kept.append(ref)
        else:
            refuse(live, refused)
    return kept


def _refusal(state: ExecutionState, ref: NodeRef) -> AttemptRefused | None:
    """Why an attempt of a node that reads a great many others cannot be handed out, if so."""
    outputs = state.outputs
    reads = state.tables.reads[ref.node]
    size = sum(len(outputs[read].json) for read in reads if read in outputs)
    if size <= INPUTS_BYTES_MAX:
        return None
    text = (
        f"what the node reads of {len(reads):,} nodes has {size >> 20} MiB together; "
        f"{INPUTS_BYTES_MAX >> 20} MiB is the limit: read less at once"
    )
    return AttemptRefused(ref, Failure("user", "INPUT_TOO_LARGE", text), None)
