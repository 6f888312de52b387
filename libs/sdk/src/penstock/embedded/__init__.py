"""An embedded cluster: real PostgreSQL, real NATS and the five services, as processes.

`async with open_cluster(ClusterSettings()) as cluster:` is all there is to it; the command line,
the tests and the bench use the same door.
"""

from penstock.embedded.cluster import Cluster, open_cluster
from penstock.embedded.cluster_file import ClusterFile, find_live_cluster, read_cluster_file
from penstock.embedded.errors import ClusterError, ClusterInUse, ClusterStartFailed
from penstock.embedded.settings import ClusterSettings
from penstock.embedded.supervisor import ProcessNews

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
