"""What the machine is worth right now: a loop of plain Python that also moves memory, on all cores
at once, and a probe of fsync. Figures of two runs are compared by the ratio of their calibrations.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec

_LOOP_S = 1.2
_FSYNCS = 60
_FSYNC_BYTES = 8192
_WARM_LOOPS = 2
_QUIET_SHARE = 0.9


class Calibration(msgspec.Struct, frozen=True):
    """`loops_per_s` of all cores together by the clock on the wall, the CPU time of one loop, and
    the median time of one write with fdatasync."""

    loops_per_s: float
    cpu_ms_per_loop: float
    fsync_ms: float

    @classmethod
    def between(cls, one: "Calibration", other: "Calibration") -> "Calibration":
        """The mean of two: before and after."""
        return cls(
            round((one.loops_per_s + other.loops_per_s) / 2, 2),
            round((one.cpu_ms_per_loop + other.cpu_ms_per_loop) / 2, 3),
            round((one.fsync_ms + other.fsync_ms) / 2, 3),
        )

    @property
    def cores(self) -> float:
        """How many cores the loops got: fewer than there are if others were busy."""
        return self.loops_per_s * self.cpu_ms_per_loop / 1000

    def is_quiet(self, cores: int) -> bool:
        """Whether nobody else was busy on a machine with so many cores."""
        return self.cores >= cores * _QUIET_SHARE


def _work() -> int:
    """One loop, about 10 ms: small objects, dictionaries, attribute-like look-ups, bytes copied,
    JSON; about what the engine's hot path is made of."""
    found: dict[int, tuple[int, bytes]] = {}
    for number in range(4_000):
        key = number * 2_654_435_761 & 0xFFFF
        found[key] = (number, b"%08x" % key)
    total = 0
    for key in sorted(found):
        number, text = found[key]
        total += number + len(text)
    block = bytearray(1 << 20)
    for _ in range(8):
        block = bytearray(block)
    return total + len(json.dumps(list(found)[:1_000])) + len(block)


def loop_for(seconds: float) -> tuple[float, float]:
    """Loops per second of one process, and CPU ms per loop."""
    for _ in range(_WARM_LOOPS):
        _work()
    loops, begun, cpu = 0, time.perf_counter(), time.process_time()
    while (took := time.perf_counter() - begun) < seconds:
        _work()
        loops += 1
    return loops / took, (time.process_time() - cpu) / loops * 1000


def _fsync_ms(folder: Path) -> float:
    """Median of a few small writes, each made durable."""
    path = folder / f"fsync-probe-{os.getpid()}"
    took: list[float] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(_FSYNCS):
            begun = time.perf_counter()
            os.write(file, b"x" * _FSYNC_BYTES)
            os.fdatasync(file)
            took.append((time.perf_counter() - begun) * 1000)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(took)


def calibrate(folder: Path) -> Calibration:
    """Measure for about two seconds; `folder` is on the disk that the database will be on."""
    command = [sys.executable, "-m", "bench.calibration", str(_LOOP_S)]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)
    ]
    found = [json.loads(child.communicate()[0]) for child in children]
    loops, cpu_ms = sum(each[0] for each in found), statistics.mean(each[1] for each in found)
    return Calibration(round(loops, 2), round(cpu_ms, 3), round(_fsync_ms(folder), 3))


if __name__ == "__main__":
    print(json.dumps(loop_for(float(sys.argv[1]))))
