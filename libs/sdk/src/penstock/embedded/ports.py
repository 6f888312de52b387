"""Free TCP ports that stay free.

Ports come from below the range the kernel takes for outgoing connections, so that nothing sits on a
service's port while that service restarts.
"""

import socket
from collections.abc import Iterable

FIRST_PORT = 20_000
LAST_PORT = 31_999


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True if nobody listens on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class PortPool:
    """Hands out each port once; `start` spreads clusters of one machine over the range."""

    def __init__(self, start: int) -> None:
        width = LAST_PORT - FIRST_PORT + 1
        self._candidates = iter(range(start % width, start % width + width))
        self._width = width
        self._taken: set[int] = set()

    def take(self, preferred: Iterable[int] = ()) -> int:
        """The first preferred port that is free, else the next free one of the range."""
        for port in preferred:
            if port and port not in self._taken and is_free(port):
                self._taken.add(port)
                return port
        for step in self._candidates:
            port = FIRST_PORT + step % self._width
            if port not in self._taken and is_free(port):
                self._taken.add(port)
                return port
        raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT}")
