"""What a reader's fold leaves out: outputs and log lines that nobody asked for, or that are too
much together.

Theory. Thousands of nodes of tens of kilobytes each are hundreds of megabytes, and most readers
want to know where nodes stand. So outputs are taken out of events before the fold holds them, and
their sizes stay. Nothing that the fold decides depends on a value: choices, items and variables
come in fields of their own. Small outputs stay, for they cost no more than the node they belong to.
"""

import hashlib
from collections.abc import Collection

import msgspec

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import LogLine, Payload

OUTPUT_BYTES_MAX = 4 * 1024 * 1024
"""Outputs of one picture, all together; what is small comes on top."""
SMALL_BYTES = 512
"""Outputs up to this size are told in any case."""
LOG_BYTES_MAX = 32 * 1024 * 1024
"""Log lines that a fold holds, all together: more than a picture shows, which gives each node its
share, and no more than two folds at once may hold."""


class LeavingOut:
    """Goes through one history, event by event. Keeps outputs of `whole` nodes however large, of
    others while at most `room_bytes` are kept, and those of items never: no picture shows them. A
    line says where an attempt's log is left out."""

    def __init__(
        self,
        room_bytes: int = OUTPUT_BYTES_MAX,
        small_bytes: int = SMALL_BYTES,
        whole: Collection[int] = (),
        named: set[str] | None = None,
        log_bytes: int = LOG_BYTES_MAX,
    ) -> None:
        """With `named`, what is left out is known by its digest, and that is added to it."""
        self._room = room_bytes
        self._small = small_bytes
        self._whole = whole
        self._named = named
        self._log_room = log_bytes

    def lighten(self, event: ev.Event) -> ev.Event:
        """The event without what is left out; the event itself if that is nothing."""
        match event:
            case ev.OutcomesCarried():
                return ev.OutcomesCarried(tuple(map(self._outcome, event.outcomes)))
            case ev.NodeCompleted() | ev.NodeFailed():
                return self._outcome(event)
            case _:
                return event

    def _outcome(self, event: ev.CarriedOutcome) -> ev.CarriedOutcome:
        if isinstance(event, ev.NodesSkipped):
            return event
        if event.logs:
            event = msgspec.structs.replace(event, logs=self._lines(event.ref.node, event.logs))
        return self._completed(event) if isinstance(event, ev.NodeCompleted) else event

    def _lines(self, node: int, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        size = sum(len(line.message) for line in lines)
        if node in self._whole:
            return lines
        if size <= self._log_room:
            self._log_room -= size
            return lines
        count = "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"
        text = f"{count} left out here, {size:,} characters; the node by itself has all."
        return (LogLine(lines[-1].at_us, "info", text),)

    def _completed(self, event: ev.NodeCompleted) -> ev.NodeCompleted:
        size = len(event.output.json)
        if event.output.digest or (not event.ref.item and event.ref.node in self._whole):
            return event
        if not event.ref.item:
            if size <= self._small:
                return event
            if size <= self._room:
                self._room -= size
                return event
        return msgspec.structs.replace(event, output=self._left_out(event.output.json))

    def _left_out(self, json: bytes) -> Payload:
        digest = ""
        if self._named is not None:
            digest = hashlib.sha256(json).hexdigest()
            self._named.add(digest)
        return Payload(b"", digest, len(json))


def nothing_but_sizes() -> LeavingOut:
    """Leaves every output and every line out."""
    return LeavingOut(0, 0, log_bytes=0)


def nothing_but(nodes: Collection[int]) -> LeavingOut:
    """Leaves every output and line out but those of these nodes, which are told however large."""
    return LeavingOut(0, 0, nodes, log_bytes=0)
