"""Long work on an event loop, cut into steps of some weight, between which others get their turn.

Theory. What is large (a history of a hundred thousand events, a picture of thousands of nodes) is
not too much work, only too much at once: while it is done, nobody else on the loop is answered. So
whoever does such work says how much each piece weighed, and after so much lets everybody else run
once. An event weighs 1; bytes that are merely copied weigh what an event of their time would.
"""

import asyncio

STEP_WEIGHT = 500
"""After so much others get their turn: 5 to 15 ms."""
BYTES_PER_WEIGHT = 4096


def weight_of(events: int, size: int = 0) -> int:
    """What it weighs to go through so many events of so many bytes."""
    return events + size // BYTES_PER_WEIGHT


class Pace:
    """One piece of long work. `steps` is how often it has let others run."""

    def __init__(self) -> None:
        self.steps = 0
        self._weight = 0

    async def did(self, weight: int) -> None:
        """So much was done since the last call; lets others run if it was much."""
        self._weight += weight
        if self._weight >= STEP_WEIGHT:
            self._weight = 0
            self.steps += 1
            await asyncio.sleep(0)
