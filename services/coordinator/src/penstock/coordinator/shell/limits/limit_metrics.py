"""Limits and quotas as metrics, by kind: no key, account or execution is a label.

Read when somebody looks, from the thread that serves metrics: everything is copied before it is
walked through.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock.coordinator.limits.breakers import Breaker, BreakerState
from penstock.coordinator.limits.permits import split_key
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits


class LimitMetrics(Collector):
    """The keys that this coordinator owns, of all accounts, and what was turned away. `quotas`
    counts refused starts."""

    def __init__(self, limits: ClusterLimits, quotas: Mapping[str, int]) -> None:
        self._limits = limits
        self._quotas = quotas

    def collect(self) -> Iterator[Metric]:
        """One sample for each kind of limit in use."""
        keys: Counter[str] = Counter()
        holders: Counter[str] = Counter()
        waiting: Counter[str] = Counter()
        broken = 0
        for shard in list(self._limits.book.shards.values()):
            for key, limit in list(shard.keys.items()):
                kind = split_key(key)[0]
                keys[kind] += 1
                waiting[kind] += len(limit.line)
                if isinstance(limit, Slots):
                    holders[kind] += len(limit.holders)
                elif isinstance(limit, Breaker):
                    broken += limit.state is not BreakerState.CLOSED
        yield _gauge(
            "penstock_coordinator_limit_keys", "Limit keys in use that this coordinator owns", keys
        )
        yield _gauge(
            "penstock_coordinator_limit_holders", "Slots that are taken under them", holders
        )
        yield _gauge(
            "penstock_coordinator_limit_waiting",
            "Attempts and executions that wait for them",
            waiting,
        )
        yield GaugeMetricFamily(
            "penstock_coordinator_breakers_open", "Breakers that are open or half-open", broken
        )
        refusals = CounterMetricFamily(
            "penstock_coordinator_limit_refusals",
            "What limits turned away, and starts over a quota",
            labels=["kind"],
        )
        for kind, count in (*dict(self._limits.refused).items(), *dict(self._quotas).items()):
            refusals.add_metric((kind,), count)
        yield refusals


def _gauge(name: str, meaning: str, counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["kind"])
    for kind, count in counts.items():
        family.add_metric((kind,), count)
    return family
