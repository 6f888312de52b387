"""What waits though it could go on, and how it is let go: the self-audit trusts no wake-up."""

from penstock.coordinator.limits.overdue import Overdue, overdue
from penstock.coordinator.shell.dispatch.release import Release, Tenure
from penstock.coordinator.shell.dispatch.workers import Workers
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.live import Live


class Waiting:
    """Nobody need go on while the leases are in doubt."""

    def __init__(
        self, release: Release, workers: Workers, tenure: Tenure, limits: ClusterLimits
    ) -> None:
        self._release = release
        self._workers = workers
        self._tenure = tenure
        self._limits = limits

    def passed_over(self, live: Live) -> bool:
        """True if an attempt of an execution waits for a worker although one has room for it."""
        state = live.state
        if not self._tenure.holds() or state.is_paused:
            return False
        waiting = [ref for ref in self._release.ready.waiting_of(live) if state.is_current(ref)]
        kinds = {live.slots[ref.node].kind for ref in waiting}
        return any(self._workers.serving(kind).least() is not None for kind in kinds)

    def overdue(self, number: int) -> list[Overdue]:
        """What waits under keys of a shard that are owned here, though it could go on."""
        if not self._tenure.holds():
            return []
        return list(overdue(self._limits.book, number, self._limits.now_us()))

    def go_on(self) -> None:
        """Look at every key that is owned here, tell the owners of all others what is held and
        wanted of them, and give workers what is ready."""
        for key, _ in self._limits.book:
            self._limits.book.touch(key)
        self._limits.speak()
        self._release.serve_workers()
