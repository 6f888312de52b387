"""What state measures about itself, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class StateMetrics:
    """The meters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.commits = Counter(
            "penstock_state_commits_total", "Journal transactions", registry=self.registry
        )
        self.rows = Counter(
            "penstock_state_journal_rows_total", "Journal rows sent", registry=self.registry
        )
        self.fenced = Counter(
            "penstock_state_fenced_writes_total", "Shard writes refused", registry=self.registry
        )
        self.commit_seconds = Histogram(
            "penstock_state_commit_seconds",
            "From sending a commit to its answer, repeats included",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stalled = Gauge(
            "penstock_state_commits_stalled",
            "1 while PostgreSQL takes no commits",
            registry=self.registry,
        )
        self.erased = Counter(
            "penstock_state_executions_removed_total",
            "Executions that were kept long enough",
            registry=self.registry,
        )
        self.operations_removed = Counter(
            "penstock_state_operations_removed_total",
            "Operations on many executions that were kept long enough",
            registry=self.registry,
        )
        self.payloads_removed = Counter(
            "penstock_state_payloads_removed_total",
            "Stored payloads that nobody referred to",
            registry=self.registry,
        )
        self.published = Counter(
            "penstock_state_published_rows_total", "Rows sent to JetStream", registry=self.registry
        )
        self.unreadable = Counter(
            "penstock_state_unreadable_rows_total",
            "Journal rows that could not be read and were not published; the log names them",
            registry=self.registry,
        )
        self.publish_lagging = Gauge(
            "penstock_state_publish_lagging_shards",
            "Shards being published from the journal instead of from memory",
            registry=self.registry,
        )
