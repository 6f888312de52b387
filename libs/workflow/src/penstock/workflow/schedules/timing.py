"""When a schedule fires: its slots with everything that restricts or shifts them."""

from zlib import crc32

import msgspec

from penstock.workflow.policies import CatchUp, Overlap
from penstock.workflow.schedules.cron import Cron

LATE_US = 60_000_000
"""A slot that is decided within this time was not missed: a coordinator's shards change hands in a
few seconds, and clocks differ by less."""
CATCH_UP_DEFAULT_US = 86_400_000_000
"""How old a slot may be that `all` makes up for, if nothing is said: a day of downtime is made up
for, a forgotten schedule does not start thousands of runs."""
_JITTER_STEP_US = 1_000


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """`shift_us`: how much later than its slot everything fires. `start_us` and `end_us`: no slots
    outside, 0 for no bound. `window_us`: older slots are not made up for, 0 for the policy's own
    limit."""

    cron: Cron
    overlap: Overlap = "allow"
    catch_up: CatchUp = "latest"
    window_us: int = 0
    shift_us: int = 0
    start_us: int = 0
    end_us: int = 0

    def next_slot(self, after_us: int) -> int:
        """The first slot later than an instant, 0 if there is none."""
        slot = self.cron.next(max(after_us, self.start_us - 1))
        return 0 if self.end_us and slot > self.end_us else slot

    def due_us(self, after_us: int) -> int:
        """When the first slot later than an instant fires, 0 if there is none."""
        slot = self.next_slot(after_us)
        return slot + self.shift_us if slot else 0

    def slots_ahead(self, after_us: int, count: int) -> list[int]:
        """The next slots, as many as there are up to `count`."""
        slots = self.cron.ahead(max(after_us, self.start_us - 1), count)
        return [slot for slot in slots if not self.end_us or slot <= self.end_us]


def shift_of(key: str, jitter_s: int) -> int:
    """The delay of a schedule, up to `jitter_s`, always the same for the same key: schedules with
    one expression spread out, and the slots of one schedule keep their order and distance."""
    if not jitter_s:
        return 0
    return crc32(key.encode()) % (jitter_s * 1_000_000 // _JITTER_STEP_US) * _JITTER_STEP_US
