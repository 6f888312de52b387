"""What the process's exit code says; scripts rely on it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    EXECUTION_FAILED = 1
    BAD_INPUT = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    REFUSED = 5
    INTERRUPTED = 130


EXPLAINED = """\
Exit codes:
  0  all is well
  1  the execution failed, was cancelled or timed out; something is wrong (doctor)
  2  bad usage, file or parameters
  3  no server answers, or a cluster does not start
  4  there is no such thing
  5  the server refused
130  interrupted"""
