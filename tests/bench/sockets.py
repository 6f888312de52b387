"""Bytes that went over each loopback connection, as the kernel counts them: asked for before and
after a run (`sock_diag`, what `ss -ti` uses), so that the run itself pays nothing."""

import os
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from bench.usage import processes

_SOCK_DIAG_BY_FAMILY, _DONE, _ERROR = 20, 3, 2
_REQUEST_DUMP = 0x1 | 0x300
_INFO = 2
"""Attribute that holds struct tcp_info."""
_ESTABLISHED = 1 << 1
_RECEIVED_AT = 128
"""Place of tcpi_bytes_received in it."""
_NETLINK_SOCK_DIAG = 4
_HEAD = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=4B2H32sI2I5I")
_SOCKET_LINK = re.compile(r"socket:\[(\d+)\]")

Link = tuple[str, str]
"""Sender and receiver, by role."""


class _Connection(NamedTuple):
    """One end of an established connection."""

    port: int
    peer_port: int
    inode: int
    received: int


def _answers(family: int) -> Iterator[bytes]:
    """Bodies of the kernel's answers about TCP connections of a family."""
    asked = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ESTABLISHED)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        head = _HEAD.pack(
            _HEAD.size + len(asked), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, os.getpid()
        )
        kernel.send(head + asked)
        while True:
            data = kernel.recv(1 << 16)
            at = 0
            while at < len(data):
                length, kind, *_ = _HEAD.unpack_from(data, at)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError("the kernel does not tell about its sockets")
                yield data[at + _HEAD.size : at + length]
                at += length + 3 & ~3


def _connection(body: bytes) -> _Connection:
    fields = _MESSAGE.unpack_from(body)
    port, peer_port = (socket.ntohs(number) for number in fields[4:6])
    received, at = 0, _MESSAGE.size
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if kind == _INFO and length >= 4 + _RECEIVED_AT + 8:
            received = struct.unpack_from("=Q", body, at + 4 + _RECEIVED_AT)[0]
        at += max(4, length + 3 & ~3)
    return _Connection(port, peer_port, fields[-1], received)


def _inodes(pid: int) -> Iterator[int]:
    """Sockets that a process has open; none if it has ended meanwhile."""
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                if link := _SOCKET_LINK.match(os.readlink(f"/proc/{pid}/fd/{entry}")):
                    yield int(link[1])
    except OSError:
        return


def _roles_by_inode(pids: Mapping[str, int]) -> dict[int, str]:
    return {
        inode: role
        for role, members in processes(pids).items()
        for process in members
        for inode in _inodes(process.pid)
    }


def bytes_by_link(pids: Mapping[str, int]) -> Counter[Link]:
    """Bytes received so far over the connections between these roles that are open now."""
    roles = _roles_by_inode(pids)
    ends = {
        (end.port, end.peer_port): end
        for family in (socket.AF_INET, socket.AF_INET6)
        for end in map(_connection, _answers(family))
    }
    found: Counter[Link] = Counter()
    for end in ends.values():
        peer = ends.get((end.peer_port, end.port))
        sender = roles.get(peer.inode, "") if peer else ""
        receiver = roles.get(end.inode, "")
        if sender and receiver:
            found[sender, receiver] += end.received
    return found
