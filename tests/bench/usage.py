"""What the processes use: CPU by role, resident memory, bytes read and written."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

JAILS = "jails"
_CPU_CLOCK = 2


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def processes(pids: Mapping[str, int]) -> dict[str, list[psutil.Process]]:
    """The processes of each role. The sandbox's children are a role of their own: the jails."""
    found: dict[str, list[psutil.Process]] = {}
    for role, pid in pids.items():
        whole = family(pid)
        if role == "sandbox":
            found[role], found[JAILS] = whole[:1], whole[1:]
        else:
            found[role] = whole
    return found


def _own_cpu_seconds(process: psutil.Process) -> float:
    """CPU time of all its threads, to the nanosecond where the kernel tells it."""
    try:
        return time.clock_gettime(~process.pid << 3 | _CPU_CLOCK)
    except OSError:
        times = process.cpu_times()
        return float(times.user + times.system)


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each role's processes."""
    used: dict[str, float] = {}
    for role, members in processes(pids).items():
        used.setdefault(role, 0.0)
        for process in members:
            try:
                times = process.cpu_times()
                used[role] += _own_cpu_seconds(process)
                # What ended children used is kept by the parent that waited for them.
                whose = JAILS if role == "sandbox" else role
                ended = times.children_user + times.children_system
                used[whose] = used.get(whose, 0.0) + ended
            except psutil.NoSuchProcess:
                continue
    return used


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Proportional resident memory of each role (shared pages are shared out), in MB."""
    used: dict[str, float] = {}
    for role, members in processes(pids).items():
        total = 0
        for process in members:
            try:
                text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            except OSError:
                continue  # it has ended meanwhile
            lines = (line.split() for line in text.splitlines())
            total += sum(int(words[1]) for words in lines if words[0] == "Pss:")
        used[role] = total / 1024
    return used


class ReadWritten(NamedTuple):
    """Bytes that passed through read and write calls; sends and receives of sockets made with
    other calls (as gRPC makes them) are not among them."""

    read: int
    written: int


def read_written(pid: int) -> ReadWritten:
    """Of one process, since it began."""
    text = Path(f"/proc/{pid}/io").read_text()
    facts = dict(line.split(": ") for line in text.splitlines())
    return ReadWritten(int(facts["rchar"]), int(facts["wchar"]))


@dataclass
class Spent:
    """CPU seconds by role between two moments."""

    by_role: dict[str, float] = field(default_factory=dict)

    def us_per(self, count: float) -> dict[str, float]:
        """CPU microseconds per one of `count` things, by role."""
        return {role: used / count * 1e6 for role, used in self.by_role.items()}


@contextmanager
def spending(pids: Mapping[str, int]) -> Iterator[Spent]:
    """CPU used within the block."""
    spent = Spent()
    before = cpu_seconds(pids)
    yield spent
    after = cpu_seconds(pids)
    spent.by_role = {role: after[role] - before.get(role, 0.0) for role in after}
