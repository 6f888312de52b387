"""An event loop that makes its own time: one callback after the other, in an order that depends on
nothing but what was scheduled.

While something is ready it runs and time stands still; when nothing is, time jumps to the next
timer. So a run of minutes takes milliseconds, and takes the same course every time.

A process can be frozen, as by SIGSTOP: what becomes ready in it waits until it is thawed, while the
rest of the world and its clocks go on.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stuck(Exception):
    """Nothing is ready and no timer is set: nothing can ever happen again."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """`on_step` is called before every callback, with their number so far."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1_000.0
        self.steps = 0
        self.on_step: Callable[[int], None] | None = None
        self.owner_of: Callable[[Context], Any] = lambda context: None
        self._frozen: dict[Any, list[asyncio.Handle]] = {}
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0

    def time(self) -> float:
        return self._now

    # These three are what a run calls most: they do what the base class does without a debug mode.
    # Timers are tuples, which compare quickly; of those for the same instant the older comes first.

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, handle))
        return handle

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """All that happens until somebody stops the loop."""
        ready, timers, frozen = self._ready, self._timers, self._frozen
        while not self._stopping:
            if ready:
                handle = ready.popleft()
            elif timers:
                when, _, handle = heapq.heappop(timers)
                if not handle._cancelled and when > self._now:
                    self._now = when
            else:
                raise Stuck
            if handle._cancelled:
                continue
            if frozen:
                held = frozen.get(self.owner_of(handle._context))
                if held is not None:
                    held.append(handle)
                    continue
            self.steps += 1
            if self.on_step is not None:
                self.on_step(self.steps)
            handle._run()

    def freeze(self, owner: Any) -> None:
        """Let nothing of `owner` run."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: Any) -> None:
        """Let it run again, beginning with what became ready meanwhile."""
        self._ready.extend(self._frozen.pop(owner, ()))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Threads would bring an order of their own: what they should do is done here and now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def run_simulated(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end in a loop of its own."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)
