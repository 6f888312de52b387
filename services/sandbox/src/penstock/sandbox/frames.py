"""Frames on the socket between front and jail: length, kind, body.

Front to jail: REQUEST, a `RunRequest` whose call ids are slots of the front. Jail to front: first
one HELLO (JSON: what confinement holds), then one REPLY per request and a WOKEN whenever sleeping
code had something to say, both `RunResponse`.
"""

import struct

HEAD = struct.Struct("<IB")
FRAME_BYTES_MAX = 512 * 1024 * 1024

REQUEST = 1
HELLO = 2
REPLY = 3
WOKEN = 4

MARKER = struct.Struct("<dddd")
"""What the jail writes into shared memory when asked who runs: a counter of such answers, the slot
of the running call (0: none), when it began (ms since the epoch), and 1 if it surely is this
one."""

MARKER_BYTES = 4096


def frame(kind: int, body: bytes) -> bytes:
    """One frame."""
    return HEAD.pack(len(body), kind) + body
