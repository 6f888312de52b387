"""What workers were told to stop and have not said that they stopped.

A worker that is dead never says so; after the time in which it must have stopped by itself it is
taken for stopped.
"""

import msgspec

from penstock.workflow.execution.values import NodeRef


class _Stopping(msgspec.Struct):
    until_us: int
    refs: set[NodeRef]


class Stopping:
    """Attempts that may still be stopping, by execution; the one told last is the last."""

    def __init__(self) -> None:
        self._of: dict[str, _Stopping] = {}

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._of

    def told(self, execution_id: str, refs: list[NodeRef], until_us: int, now_us: int) -> None:
        """Workers were told to stop these; by `until_us` they have, whatever they say."""
        self._forget_over(now_us)
        if refs:
            known = self._of.pop(execution_id, None)
            before = known.refs if known is not None else set()
            self._of[execution_id] = _Stopping(until_us, before.union(refs))

    def _forget_over(self, now_us: int) -> None:
        while self._of:
            first = next(iter(self._of))
            if self._of[first].until_us > now_us:
                return
            del self._of[first]

    def stopped(self, execution_id: str, ref: NodeRef) -> bool:
        """A worker says that it has stopped this; True if nothing of the execution is left."""
        known = self._of.get(execution_id)
        if known is None:
            return True
        known.refs.discard(ref)
        if known.refs:
            return False
        del self._of[execution_id]
        return True
