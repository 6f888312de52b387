"""Server-sent events as the HTML standard (section 9.2) defines them: bytes to messages. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One message: its type, its id (None if it has none), its data."""

    event: str
    id: str | None
    data: str


class SseParser:
    """Collects chunks and gives back whole messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The messages that `chunk` completes."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for raw in lines:
            line = raw.removesuffix(b"\r").decode("utf-8", "replace")
            if line:
                self._take(line)
            elif self._data:
                yield ServerSentEvent(self._event or "message", self._id, "\n".join(self._data))
                self._event, self._id, self._data = "", None, []
            else:
                self._event, self._id = "", None

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id":
                self._id = value
            case _:
                """Comments (an empty name) keep the connection alive; other fields are not used."""
