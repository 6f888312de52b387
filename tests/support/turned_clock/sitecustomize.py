"""Python imports this when it starts, if PYTHONPATH leads here: the wall clock by which a process
decides is off by what stands in a file, which may change at any time. `time.time` stays as it is:
gRPC makes deadlines of it and holds them against the machine's clock. So does the monotonic
clock."""

import mmap
import os
import struct
import time

_path = os.environ.get("TURNED_CLOCK")
if _path:
    with open(_path, "r+b") as _file:
        _offset = mmap.mmap(_file.fileno(), 8)
    _time_ns = time.time_ns
    time.time_ns = lambda: _time_ns() + struct.unpack_from("<q", _offset)[0]
