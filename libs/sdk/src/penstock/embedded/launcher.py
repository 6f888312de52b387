"""Becomes another program, tied to the life of the process that started it.

Run as a script by path, not imported: `python -I -S launcher.py PARENT SIGNAL USER CAPABLE PROGRAM
ARGUMENT...`. It asks the kernel (Linux) to send SIGNAL when PARENT dies, gives up root for USER
(`-` keeps it) as PostgreSQL demands, and replaces itself by PROGRAM. With CAPABLE `1` the user
keeps the one right to pass directories that are closed to others: a checkout below a closed home.
Elsewhere than on Linux the tie is missing; the next start then clears what was left.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _keep_one_capability(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    only = 1 << _CAP_DAC_OVERRIDE
    sets = (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0)
    _check(libc.capset(header, sets), "capset")
    raised = libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    _check(raised, "ambient capability")


def _become(user: str, capable: bool, libc: ctypes.CDLL) -> None:
    uid, gid = (int(part) for part in user.split(":"))
    if capable:
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capable:
        _keep_one_capability(libc)


def main(arguments: list[str]) -> None:
    """Tie, give up root, replace this process."""
    parent, signal_number, user, capable, program, *rest = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if user != "-":
        _become(user, capable == "1", libc)
    if sys.platform == "linux":
        _check(libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0), "parent death signal")
        if os.getppid() != int(parent):
            raise SystemExit("the starting process is gone")
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
