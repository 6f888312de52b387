"""An embedded cluster: real PostgreSQL, real NATS and the five services, as processes.

`async with open_cluster(ClusterSettings()) as cluster:` is all there is to it; the command line,
the tests and the bench use the same door. Names are imported when first used: the command line
reads `cluster_file` at every start and must not pay for the rest.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.embedded.cluster import Cluster, open_cluster
    from penstock.embedded.cluster_file import ClusterFile, find_live_cluster, read_cluster_file
    from penstock.embedded.errors import ClusterError, ClusterInUse, ClusterStartFailed
    from penstock.embedded.settings import ClusterSettings
    from penstock.embedded.supervisor import ProcessNews

_HOMES = {
    "Cluster": "cluster",
    "ClusterError": "errors",
    "ClusterFile": "cluster_file",
    "ClusterInUse": "errors",
    "ClusterSettings": "settings",
    "ClusterStartFailed": "errors",
    "ProcessNews": "supervisor",
    "find_live_cluster": "cluster_file",
    "open_cluster": "cluster",
    "read_cluster_file": "cluster_file",
}

__all__ = [
    "Cluster",
    "ClusterError",
    "ClusterFile",
    "ClusterInUse",
    "ClusterSettings",
    "ClusterStartFailed",
    "ProcessNews",
    "find_live_cluster",
    "open_cluster",
    "read_cluster_file",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
