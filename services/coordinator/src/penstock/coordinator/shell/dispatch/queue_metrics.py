"""What waits, as metrics: by pool and node type, so that whoever scales a pool sees its backlog.

Read when somebody looks, from the thread that serves metrics: everything is copied before it is
walked through.
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock.coordinator.shell.dispatch.ready import ReadyQueues
from penstock.coordinator.shell.dispatch.workers import Workers


class QueueMetrics(Collector):
    """Depth and age of queues, and workers, of all accounts."""

    def __init__(self, ready: ReadyQueues, workers: Workers) -> None:
        self._ready = ready
        self._workers = workers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample for each pool and node type that something waits for, and for each pool."""
        depth: Counter[tuple[str, str]] = Counter()
        oldest: dict[tuple[str, str], float] = {}
        for queue in list(self._ready):
            key = (queue.kind.pool, queue.kind.uses)
            depth[key] += queue.depth
            oldest[key] = max(oldest.get(key, 0.0), self._ready.age_s(queue))
        kinds = ("pool", "node_type")
        waiting = GaugeMetricFamily(
            "penstock_coordinator_queue_attempts", "Attempts that wait for a worker", labels=kinds
        )
        age = GaugeMetricFamily(
            "penstock_coordinator_queue_oldest_seconds",
            "How long the attempt that came first has waited",
            labels=kinds,
        )
        pools = GaugeMetricFamily(
            "penstock_coordinator_pool_workers", "Workers that take tasks", labels=("pool",)
        )
        for key, count in depth.items():
            waiting.add_metric(key, count)
            age.add_metric(key, oldest[key])
        for pool, count in self._workers.counts().items():
            pools.add_metric((pool,), count)
        yield from (waiting, age, pools)
