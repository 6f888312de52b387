"""`python -m penstock.sandbox.jail`: confine, start V8, say hello, serve. The front starts it."""

import argparse
import asyncio
import gc
import mmap
import os
import socket
from pathlib import Path

from penstock.sandbox.frames import MARKER_BYTES
from penstock.sandbox.jail.confine import confine_after_v8, confine_before_v8
from penstock.sandbox.jail.isolate import open_isolate
from penstock.sandbox.jail.loop import Jail, Link, answer_marker_signal

_YOUNG_OBJECTS = 50_000
"""Allocations between collections: a crossing leaves no cycles behind."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--marker-fd", type=int, required=True)
    parser.add_argument("--ses", type=Path, required=True)
    parser.add_argument("--heap-mb", type=int, required=True)
    parser.add_argument("--data-mb", type=int, required=True)
    parser.add_argument("--front-pid", type=int, required=True)
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    shared = mmap.mmap(arguments.marker_fd, MARKER_BYTES)
    os.close(arguments.marker_fd)
    link = Link(socket.socket(fileno=arguments.socket_fd))
    report = confine_before_v8(arguments.front_pid)
    with open_isolate(arguments.ses, arguments.heap_mb) as isolate:
        jail = Jail(isolate, link, shared)
        answer_marker_signal(jail)
        report |= confine_after_v8(arguments.data_mb)
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
        jail.hello(report)
        jail.serve()


def main() -> None:
    """Run until the front closes the socket."""
    try:
        asyncio.run(_serve(_arguments()))
    except (EOFError, ConnectionError):
        os._exit(0)


main()
