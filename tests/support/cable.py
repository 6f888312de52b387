"""A network of its own for a process: a Linux network namespace, joined to this one by a pair of
virtual interfaces that can be unplugged or made to lose what goes one way.

Making one takes root, `unshare` and `nsenter` (util-linux) and `ip` (iproute2). The namespace and
both interfaces are gone when its last process is, however the test ends.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_NOWHERE = "02:00:00:00:00:fe"
"""A hardware address that nobody has: what is sent there is lost."""
_THERE = "there"
_TIMEOUT_S = 10


class NoNamespaces(Exception):
    """A network namespace cannot be made here; the text says why."""


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except OSError as error:
        raise NoNamespaces(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise NoNamespaces(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Cable:
    """`here` is this end's address, `there` that of the end in the namespace of process `holder`,
    `near` the name of the interface at this end."""

    here: str
    there: str
    near: str
    holder: int

    @property
    def within(self) -> Sequence[str]:
        """What goes before a command to run it in the namespace."""
        return ("nsenter", f"--net=/proc/{self.holder}/ns/net")

    def plug(self) -> None:
        """Everything passes, in both directions."""
        _run(*self.within, "ip", "link", "set", _THERE, "up")
        self._send_to_there(self._hardware(_THERE, *self.within))
        self._send_to_here(self._hardware(self.near))

    def unplug(self) -> None:
        """The far end has no link any more: nothing passes, and both sides may know."""
        _run(*self.within, "ip", "link", "set", _THERE, "down")

    def lose_what_goes_there(self) -> None:
        """What is sent from here vanishes."""
        self._send_to_there(_NOWHERE)

    def lose_what_comes_back(self) -> None:
        """What is sent from there vanishes."""
        self._send_to_here(_NOWHERE)

    def _hardware(self, interface: str, *within: str) -> str:
        told = _run(*within, "ip", "-o", "link", "show", "dev", interface).split()
        return told[told.index("link/ether") + 1]

    def _send_to_there(self, hardware: str) -> None:
        entry = (self.there, "lladdr", hardware, "dev", self.near, "nud", "permanent")
        _run("ip", "neigh", "replace", *entry)

    def _send_to_here(self, hardware: str) -> None:
        entry = (self.here, "lladdr", hardware, "dev", _THERE, "nud", "permanent")
        _run(*self.within, "ip", "neigh", "replace", *entry)


@contextmanager
def _open_namespace() -> Iterator[int]:
    """A process that does nothing in a namespace of its own; it ends when this one does."""
    command = ["unshare", "--net", "sh", "-c", "echo in && exec cat"]
    try:
        holder = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise NoNamespaces(f"{command[0]}: {error.strerror}") from error
    assert holder.stdout is not None
    assert holder.stderr is not None
    with holder:
        if holder.stdout.readline() != "in\n":
            raise NoNamespaces(f"{' '.join(command[:2])}: {holder.stderr.read().strip()}")
        yield holder.pid


@contextmanager
def open_cable() -> Iterator[Cable]:
    """A namespace and the cable to it, plugged. Raises `NoNamespaces`.

    The addresses are of the range for tests of networks (RFC 2544), four for each process here.
    """
    block = os.getpid() * 4 % 2**16
    here, there = (f"198.18.{(block + n) >> 8}.{(block + n) & 255}" for n in (1, 2))
    with _open_namespace() as holder:
        cable = Cable(here, there, f"pen{os.getpid()}", holder)
        far = ("peer", "name", _THERE, "netns", str(holder))
        _run("ip", "link", "add", cable.near, "type", "veth", *far)
        try:
            _run("ip", "addr", "add", f"{here}/30", "dev", cable.near)
            _run("ip", "link", "set", cable.near, "up")
            _run(*cable.within, "ip", "addr", "add", f"{there}/30", "dev", _THERE)
            _run(*cable.within, "ip", "link", "set", "lo", "up")
            cable.plug()
            yield cable
        finally:
            _run("ip", "link", "delete", cable.near)
