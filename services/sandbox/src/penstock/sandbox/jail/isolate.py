"""The only door to V8: one hardened isolate, entered by `cross`.

A crossing costs 0.1 to 0.3 ms whatever it carries, so everything that waits goes in at once. `pump`
takes the messages in; V8 drains its microtasks when it returns; `collect` takes out what gathered.
If nothing was asynchronous, `pump` answers by itself and the second entry is saved.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from py_mini_racer import (
    JSEvalException,
    JSParseException,
    MiniRacer,
    init_mini_racer,
    mini_racer,
)

_RUNTIME_FILES = (
    "values.js",
    "surface.js",
    "scripts.js",
    "steps.js",
    "failures.js",
    "calls.js",
    "start.js",
)


class OutOfMemory(Exception):
    """V8 gave up at its heap limit; the isolate cannot be used any more."""


class BadMessage(Exception):
    """V8 could not parse a pump message: some payload in it is not JSON."""


class Isolate:
    """V8 with SES and the runtime in it."""

    def __init__(self, racer: MiniRacer, inbox: Any, marker: memoryview) -> None:
        self._racer = racer
        self._inbox = inbox
        self.marker = marker

    def cross(self, messages: str) -> str:
        """Take messages in, a JSON array of their number and themselves; return what gathered, in
        the form of `codec.Collected`.

        Raises `BadMessage` if the text is not that, and then nothing of it was run; `OutOfMemory`
        at the heap limit.
        """
        try:
            self._inbox[0] = messages
            answer = self._racer.eval("penstockPump()")
            return str(answer or self._racer.eval("penstockCollect()"))
        except JSEvalException as error:
            if self._racer.was_hard_memory_limit_reached():
                raise OutOfMemory from error
            raise BadMessage(str(error)) from error

    def syntax_error_line(self, source: str, *, is_body: bool) -> int:
        """The line of the first syntax error of a source that is known to have one; 0 if unknown.

        What is parsed ends in an invalid token, so that whatever the source holds it can never run.
        """
        opening = "(async function () {{\n" if is_body else "(\n"
        closing = "\n}})\n@@" if is_body else "\n)\n@@"
        try:
            self._racer.eval(opening + source + closing)
        except JSParseException as error:
            place = str(error).partition(": SyntaxError")[0].rpartition(":")[2]
            line = int(place) - 1 if place.isdecimal() else 0
            return line if line <= source.count("\n") + 1 else 0
        return 0


def _runtime_source() -> str:
    folder = resources.files("penstock.sandbox.jail") / "runtime"
    parts = [(folder / name).read_text() for name in _RUNTIME_FILES]
    return "(() => {\n'use strict';\n" + "\n".join(parts) + "\n})()"


@contextmanager
def open_isolate(ses_bundle: Path, heap_mb: int) -> Iterator[Isolate]:
    """Start V8 with a heap of at most `heap_mb`, load SES and the runtime, lock the realm.

    Must be entered, and used, inside a running asyncio loop: that is how mini-racer runs without a
    thread of its own for callbacks.
    """
    flags = ("--single-threaded", f"--max-heap-size={heap_mb + 32}")
    init_mini_racer(flags=flags, ignore_duplicate_init=True)
    runtime = _runtime_source()
    ses = ses_bundle.read_text()
    with mini_racer() as racer:
        racer.eval(ses)
        doors: Any = racer.eval(runtime)
        isolate = Isolate(racer, doors[0], doors[1])
        racer.set_hard_memory_limit(heap_mb * 1024 * 1024)
        isolate.cross("[0]")
        yield isolate
