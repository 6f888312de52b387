"""How long this coordinator may act on its shards."""

from penstock.common.clock import Clock


class Tenure:
    """Counts from the last renewal, by the monotonic clock, so that a wall clock that jumps neither
    ends nor extends it (I9)."""

    def __init__(self, clock: Clock, ttl_s: float) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._until = 0.0

    def renewed(self, asked_at: float) -> None:
        """State confirmed the leases, asked at this monotonic time: they hold for one TTL from the
        asking, not from the answer."""
        self._until = asked_at + self._ttl_s

    def holds(self) -> bool:
        """False once the leases may be over: no command may be carried out then."""
        return self._clock.monotonic() < self._until
