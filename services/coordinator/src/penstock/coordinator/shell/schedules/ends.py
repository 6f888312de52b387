"""Told when runs of schedules end: queued slots and backfills wait for it."""

from collections.abc import Callable, Collection

from penstock.common.errors import PenstockError
from penstock.coordinator.core.commands import Finish
from penstock.coordinator.shell.live import Executions, Live, Shard


class _EndOfRun:
    """Waits for one run's end."""

    __slots__ = ("_tell", "execution_id")

    def __init__(self, execution_id: str, tell: "Callable[[_EndOfRun], None]") -> None:
        self.execution_id = execution_id
        self._tell = tell

    def on_ended(self, live: Live, end: Finish) -> None:
        self._tell(self)

    def on_failed(self, error: PenstockError) -> None:
        """The shard goes: its next owner looks for itself."""
        self._tell(self)


class Ends:
    """Calls `again` after each end of a watched run. A run is in the shard of its schedule, so that
    whoever decides about the schedule sees it end."""

    def __init__(self, executions: Executions, again: Callable[[], None]) -> None:
        self._executions = executions
        self._again = again
        self._watched: dict[str, tuple[Shard, _EndOfRun]] = {}

    def watch(self, execution_id: str, shard: Shard) -> None:
        """Watch a run that had not ended when state was asked. One that is not in memory is at
        rest, or has ended since: one more look tells. A watch in a shard that went, perhaps before
        it was set, is worth nothing."""
        known = self._watched.get(execution_id)
        if known is not None and known[0] is shard:
            return
        waiter = _EndOfRun(execution_id, self._told)
        self._watched[execution_id] = (shard, waiter)
        live = self._executions.get(execution_id)
        if live is not None:
            live.waiters.append(waiter)
        else:
            shard.absent.setdefault(execution_id, []).append(waiter)
            self._again()

    def keep(self, live_ids: Collection[str]) -> None:
        """Forget those that had ended before they were watched."""
        for execution_id in [each for each in self._watched if each not in live_ids]:
            if self._executions.get(execution_id) is not None:
                continue
            shard, waiter = self._watched.pop(execution_id)
            waiters = shard.absent.get(execution_id, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                shard.absent.pop(execution_id, None)

    def _told(self, waiter: _EndOfRun) -> None:
        known = self._watched.get(waiter.execution_id)
        if known is not None and known[1] is waiter:
            del self._watched[waiter.execution_id]
        self._again()
