"""What a reader's fold leaves out: outputs that nobody asked for, or that are too much together.

Theory. Thousands of nodes of tens of kilobytes each are hundreds of megabytes, and most readers
want to know where nodes stand. So outputs are taken out of events before the fold holds them, and
their sizes stay. Nothing that the fold decides depends on a value: choices, items and variables
come in fields of their own. Small outputs stay, for they cost no more than the node they belong to.
"""

import hashlib
from collections.abc import Collection

import msgspec

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import Payload

OUTPUT_BYTES_MAX = 4 * 1024 * 1024
"""Outputs of one picture, all together; what is small comes on top."""
SMALL_BYTES = 512
"""Outputs up to this size are told in any case."""


class LeavingOut:
    """Goes through one history, event by event. Keeps outputs of `whole` nodes however large, of
    others while at most `room_bytes` are kept, and those of items never: no picture shows them."""

    def __init__(
        self,
        room_bytes: int = OUTPUT_BYTES_MAX,
        small_bytes: int = SMALL_BYTES,
        whole: Collection[int] = (),
        named: set[str] | None = None,
    ) -> None:
        """With `named`, what is left out is known by its digest, and that is added to it."""
        self._room = room_bytes
        self._small = small_bytes
        self._whole = whole
        self._named = named

    def lighten(self, event: ev.Event) -> ev.Event:
        """The event without what is left out; the event itself if that is nothing."""
        match event:
            case ev.NodeCompleted():
                return self._completed(event)
            case ev.OutcomesCarried():
                outcomes = tuple(
                    self._completed(one) if isinstance(one, ev.NodeCompleted) else one
                    for one in event.outcomes
                )
                return ev.OutcomesCarried(outcomes)
            case _:
                return event

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
    """Leaves every output out."""
    return LeavingOut(0, 0)


def nothing_but(nodes: Collection[int]) -> LeavingOut:
    """Leaves every output out but those of these nodes, which are told however large."""
    return LeavingOut(0, 0, nodes)
