"""What Prometheus is told about the jails."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCHES = (1, 4, 16, 64, 256)


class Metrics:
    """Counters of the pool; touched once per batch, not per call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._calls = Counter(
            "penstock_sandbox_calls_total", "Calls sent into jails", registry=registry
        )
        self._batches = Histogram(
            "penstock_sandbox_batch_calls",
            "Calls per crossing",
            buckets=_BATCHES,
            registry=registry,
        )
        self._jails = Gauge("penstock_sandbox_jails", "Warm jails", registry=registry)
        self._ended = Counter(
            "penstock_sandbox_jails_ended_total",
            "Jails that ended, by reason",
            ["reason"],
            registry=registry,
        )
        self._refused = Counter(
            "penstock_sandbox_refused_total", "Calls refused: queue full", registry=registry
        )

    def on_sent(self, calls: int) -> None:
        """A batch went into a jail."""
        self._calls.inc(calls)
        self._batches.observe(calls)

    def on_jail_started(self) -> None:
        """A jail is warm."""
        self._jails.inc()

    def on_jail_ended(self, reason: str) -> None:
        """A jail is gone."""
        self._jails.dec()
        self._ended.labels(reason.lower()).inc()

    def on_refused(self, calls: int) -> None:
        """Calls were refused."""
        self._refused.inc(calls)
