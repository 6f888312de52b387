"""Cancellation that gets lost, brought back.

On Python 3.11 a cancel can vanish: `asyncio.wait_for` returns the result if that came in the same
moment, and an `except*` that handles an error drops a cancel which arrived beside it. Whoever calls
such code in a loop would then run for ever. The task itself still knows that it was asked to stop.
"""

import asyncio


def insist_on_cancel() -> None:
    """Raise the cancel that this task was asked for, if it was asked and has gone on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
