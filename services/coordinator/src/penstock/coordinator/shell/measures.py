"""The coordinator's metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
_SIZES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Measures:
    """All of them, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.turn_inputs = Histogram(
            "penstock_coordinator_turn_inputs", "Inputs per turn", buckets=_SIZES, registry=r
        )
        self.append_seconds = Histogram(
            "penstock_coordinator_append_seconds",
            "From sending an append to its answer",
            buckets=_SECONDS,
            registry=r,
        )
        self.records = Counter(
            "penstock_coordinator_records", "Journal records written", registry=r
        )
        self.events = Counter("penstock_coordinator_events", "Events written", registry=r)
        self.executions = Gauge(
            "penstock_coordinator_executions", "Live executions in memory", registry=r
        )
        self.dozed = Counter(
            "penstock_coordinator_dozed",
            "Executions that left memory because they only wait",
            registry=r,
        )
        self.audited = Counter(
            "penstock_coordinator_audit_looks",
            "Executions and shards that the self-audit has looked at",
            registry=r,
        )
        self.faults = Counter(
            "penstock_coordinator_audit_faults",
            "Broken invariants that the self-audit has found",
            ["invariant"],
            registry=r,
        )
        self.ready = Gauge(
            "penstock_coordinator_ready_attempts", "Attempts that wait for a worker", registry=r
        )
        self.inbox = Gauge(
            "penstock_coordinator_inbox_inputs", "Inputs that wait for a turn", registry=r
        )
        self.shards = Gauge("penstock_coordinator_shards", "Shards owned", registry=r)
        self.workers = Gauge("penstock_coordinator_workers", "Workers connected", registry=r)
        self.nodes = Counter(
            "penstock_coordinator_node_outcomes", "Outcomes of attempts decided", registry=r
        )
        self.task_messages = Counter(
            "penstock_coordinator_task_messages", "Messages with tasks sent", registry=r
        )
        self.task_groups = Counter(
            "penstock_coordinator_task_groups",
            "Groups of tasks in them, each of one execution",
            registry=r,
        )
        self.report_messages = Counter(
            "penstock_coordinator_report_messages", "Messages with reports received", registry=r
        )
        self.reports = Counter("penstock_coordinator_reports", "Reports in them", registry=r)
