"""What Prometheus is told; read from the worker's own tables when asked, so that attempts pay
nothing for it."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock.worker.links import Links
from penstock.worker.sandbox import SandboxClient


class WorkerCollector(Collector):
    """The figures of one worker."""

    def __init__(self, links: Links, sandbox: SandboxClient) -> None:
        self._links = links
        self._sandbox = sandbox

    def collect(self) -> Iterator[Metric]:
        """All figures, as they are now."""
        sessions = tuple(self._links.sessions.values())
        yield GaugeMetricFamily(
            "penstock_worker_attempts",
            "Attempts held",
            value=sum(len(session.leases) for session in sessions),
        )
        yield GaugeMetricFamily(
            "penstock_worker_reports",
            "Reports without an answer",
            value=sum(len(session.pending) for session in sessions),
        )
        yield CounterMetricFamily(
            "penstock_worker_reports_total",
            "Reports made",
            value=self._links.reports_made,
        )
        yield GaugeMetricFamily(
            "penstock_worker_coordinators",
            "Coordinators reached",
            value=self._links.connected,
        )
        yield GaugeMetricFamily(
            "penstock_worker_sandbox_calls",
            "Calls into the sandbox without a result",
            value=self._sandbox.pending_count,
        )


def registry_of(links: Links, sandbox: SandboxClient) -> CollectorRegistry:
    """A registry with the worker's figures."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(links, sandbox))
    return registry
