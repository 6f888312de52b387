"""Log lines of an attempt, as far as they are kept.

They go into the journal with the outcome, where nothing is larger than a value that travels
inline; and as many attempts as one segment has are told in one message. So they are bounded in
number and in bytes, and what is left out is said in a line of its own.
"""

from penstock.api.payload.v1 import payload_pb2 as payload_pb

LINES_MAX = 200
LINE_BYTES_MAX = 8 * 1024
LINES_BYTES_MAX = 64 * 1024
"""Of all lines of an attempt together."""

_LINE_BYTES = 24
"""About what a line costs beside its text."""
_CUT = b" ... (cut)"


class Lines:
    """The lines of one attempt, and about how many bytes they have."""

    __slots__ = ("_full", "kept", "size")

    def __init__(self) -> None:
        self.kept: list[payload_pb.LogLine] = []
        self.size = 0
        self._full = False

    def add(self, at_unix_us: int, level: str, message: str) -> None:
        """Keep a line, cut if it is long; after the last one that fits, a word about the others."""
        if self._full:
            return
        text = _shortened(message)
        size = len(text) + _LINE_BYTES
        if len(self.kept) >= LINES_MAX:
            self._end(at_unix_us, f"{LINES_MAX} is the limit of one attempt")
        elif self.size + size > LINES_BYTES_MAX:
            self._end(at_unix_us, f"{LINES_BYTES_MAX >> 10} KiB is the limit of one attempt")
        else:
            self._keep(at_unix_us, level, text, size)

    def _end(self, at_unix_us: int, limit: str) -> None:
        self._full = True
        text = f"further lines are dropped: {limit}".encode()
        self._keep(at_unix_us, "warn", text, len(text) + _LINE_BYTES)

    def _keep(self, at_unix_us: int, level: str, text: bytes, size: int) -> None:
        line = payload_pb.LogLine(at_unix_us=at_unix_us, level=level, message=text.decode())
        self.kept.append(line)
        self.size += size


def _shortened(message: str) -> bytes:
    whole = message[: LINE_BYTES_MAX + 1].encode(errors="replace")
    if len(whole) <= LINE_BYTES_MAX:
        return whole
    return whole[: LINE_BYTES_MAX - len(_CUT)].decode(errors="ignore").encode() + _CUT
