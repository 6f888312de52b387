"""What a jail process gives up, step by step. What a platform cannot give is reported."""

import ctypes
import os
import resource
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000


def _call(libc: ctypes.CDLL, name: str, *arguments: int) -> None:
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _no_network(libc: ctypes.CDLL) -> None:
    """Move into an empty network namespace: not even loopback is up in it."""
    try:
        _call(libc, "unshare", _CLONE_NEWNET)
    except OSError:
        _call(libc, "unshare", _CLONE_NEWUSER | _CLONE_NEWNET)


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _no_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # Numbers below 1 only, and 0 is taken. With a limit of 0 even poll() of one descriptor fails.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))


def _no_processes() -> None:
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _data_bytes() -> int:
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmData"].split()[0]) * 1024


def _try(steps: dict[str, Callable[[], None]]) -> dict[str, str]:
    report = {}
    for name, step in steps.items():
        try:
            step()
            report[name] = "on"
        except (OSError, ValueError, AttributeError) as error:
            report[name] = f"off: {error}"
    return report


def confine_before_v8(parent_pid: int) -> dict[str, str]:
    """Before V8 starts: die with the front, no new privileges, no network, no core files."""
    libc = ctypes.CDLL(None, use_errno=True)

    def die_with_parent() -> None:
        _call(libc, "prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:
            raise SystemExit("the front is gone")

    return _try(
        {
            "die_with_parent": die_with_parent,
            "no_new_privs": lambda: _call(libc, "prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            "no_network": lambda: _no_network(libc),
            "no_core": _no_core,
        }
    )


def confine_after_v8(data_mb: int) -> dict[str, str]:
    """After V8 has started: at most `data_mb` more memory than in use, no files, no processes.

    RLIMIT_DATA set before V8 starts would refuse V8's own reservation of address space.
    """

    def limit_memory() -> None:
        limit = _data_bytes() + data_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    return _try(
        {"memory_limit": limit_memory, "no_processes": _no_processes, "no_files": _no_files}
    )
