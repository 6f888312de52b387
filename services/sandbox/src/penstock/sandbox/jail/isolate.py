"""The only door to V8: one hardened isolate, entered by `cross`.

A crossing costs two thread switches whatever it carries, so everything that waits goes in at once.
The runtime's `door` is looked into: the name that is asked for is the text of the messages, and
what is found is the answer. That is the one way into V8 without a call back to Python on V8's
thread, which would cost three times as much. `pump` takes the messages in; V8 drains its microtasks
when it returns; `collect` takes out what gathered. If nothing was asynchronous, `pump` answers by
itself and the second entry is saved.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from py_mini_racer import (
    JSParseException,
    MiniRacer,
    init_mini_racer,
    mini_racer,
)

_RUNTIME_FILES = (
    "values.js",
    "surface.js",
    "variables.js",
    "scripts.js",
    "steps.js",
    "failures.js",
    "calls.js",
    "start.js",
)


_NAME_CHARS_MAX = 256 * 1024
"""V8 keeps a copy of every name it is asked for until its next full collection; longer texts take
the inbox, one entry more."""
_INBOX = "i"
_COLLECT = "c"


class BadMessage(Exception):
    """The runtime could not read its messages: some payload in them is not JSON."""


class Isolate:
    """V8 with SES and the runtime in it."""

    def __init__(self, racer: MiniRacer, door: Any, inbox: Any, marker: memoryview) -> None:
        self._racer = racer
        self._door = door
        self._inbox = inbox
        self.marker = marker

    def cross(self, messages: str) -> str:
        """Take messages in, a JSON array of their number and themselves; return what gathered, in
        the form of `codec.Collected`.

        Raises `BadMessage` if the text is not that, and then nothing of it was run. At the heap
        limit V8 ends the process.
        """
        if len(messages) <= _NAME_CHARS_MAX:
            answer = str(self._door[messages])
        else:
            self._inbox[0] = messages
            answer = str(self._door[_INBOX])
        if not answer:
            answer = str(self._door[_COLLECT])
        if not answer.startswith("["):
            raise BadMessage(answer)
        return answer

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
        isolate = Isolate(racer, doors[0], doors[1], doors[2])
        racer.set_hard_memory_limit(heap_mb * 1024 * 1024)
        isolate.cross("[0]")
        yield isolate
