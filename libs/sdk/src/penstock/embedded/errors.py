"""What can go wrong with an embedded cluster, each with what to do about it."""


class ClusterError(Exception):
    """The embedded cluster cannot do what was asked."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class ClusterInUse(ClusterError):
    """Another live process runs a cluster on the same data directory."""


class ClusterStartFailed(ClusterError):
    """A server or a service did not come up; the message ends with the last lines of its log."""
