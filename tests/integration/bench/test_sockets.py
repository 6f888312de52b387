"""Bytes on the wire are told by who sent them to whom."""

import os
import socket

from bench.sockets import bytes_by_link

SENT = 50_000


def test_bytes_over_a_loopback_connection_are_counted_once_in_each_direction():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client, server.accept()[0] as served:
            pids = {"both": os.getpid()}
            before = bytes_by_link(pids)
            client.sendall(b"x" * SENT)
            served.recv(SENT, socket.MSG_WAITALL)
            served.sendall(b"y" * 10)
            client.recv(100)
            grown = bytes_by_link(pids) - before
    assert set(grown) == {("both", "both")}
    assert SENT + 10 <= grown["both", "both"] < 2 * SENT  # this process may have other connections


def test_connections_of_others_are_not_counted():
    assert bytes_by_link({}) == {}
