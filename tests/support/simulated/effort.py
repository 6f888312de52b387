"""How much the simulated properties try: little by default, as much as time allows on request, and
turns so small that a few executions fill several of them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from unittest.mock import patch

from hypothesis import HealthCheck, settings

from penstock.coordinator.shell import turns

EFFORT = int(os.environ.get("PENSTOCK_EFFORT", "1"))
"""Factor for the number of examples; above 1 crashes are tried at every callback too."""


def examples(count: int) -> settings:
    """So many examples, times the effort."""
    return settings(
        max_examples=count * EFFORT,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@contextmanager
def small_turns(rng: Random) -> Iterator[None]:
    """Turns, and the appends they are cut into, are of any size. Names that the turn loop has no
    more are passed over: whoever uses this checks that several appends were in flight."""
    sizes = {
        "_INPUTS_MAX": rng.choice((1, 2, 5, 4_096)),
        "_INPUTS_WORTH_ANOTHER": rng.choice((1, 1, 2, 4)),
        "_APPEND_BYTES": rng.choice((1, 500, 3_000, 8 << 20)),
    }
    with ExitStack() as stack:
        for name, size in sizes.items():
            if hasattr(turns, name):
                stack.enter_context(patch.object(turns, name, size))
        yield
