"""Retry policies: how often an attempt may fail and how long to wait in between."""

import msgspec

ERROR_CLASSES = ("transient", "permanent", "system", "user")


class RetryPolicy(msgspec.Struct, frozen=True, gc=False):
    """When a failed attempt is followed by another one.

    `max_attempts` counts failures, the first try included; attempts lost with their process do not
    count.
    `on` holds the error classes that a repeat may heal. Delays are in seconds. `hook` is a workflow
    that is started whenever a failed attempt is to be followed by another one; empty for none.
    """

    max_attempts: int = 1
    initial_delay_s: float = 2.0
    max_delay_s: float = 60.0
    multiplier: float = 2.0
    jitter: float = 0.1
    on: tuple[str, ...] = ("transient", "system")
    hook: str = ""

    def delay_s(self, failures: int, draw: float) -> float:
        """Seconds to wait after the `failures`-th failure; `draw` in [0, 1) places it in the
        jitter band."""
        base = min(self.max_delay_s, self.initial_delay_s * self.multiplier ** (failures - 1))
        return base * (1.0 + self.jitter * (2.0 * draw - 1.0))


NAMED_POLICIES = {
    "none": RetryPolicy(max_attempts=1),
    "fast": RetryPolicy(max_attempts=3, initial_delay_s=1.0),
    "standard": RetryPolicy(max_attempts=3, initial_delay_s=2.0),
    "aggressive": RetryPolicy(max_attempts=5, initial_delay_s=2.0),
    "patient": RetryPolicy(max_attempts=10, initial_delay_s=5.0),
}
"""The policies a file can name; numbers from the engines that Penstock replaces."""
