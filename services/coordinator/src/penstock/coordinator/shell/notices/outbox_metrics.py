"""What executions owe to elsewhere, as metrics.

Read when somebody looks, from the thread that serves metrics.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock.coordinator.shell.notices.outbox import Outbox

Family = GaugeMetricFamily | CounterMetricFamily


class OutboxMetrics(Collector):
    """Depth and age of the outbox, and what was refused."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[Family]:
        """One sample each."""
        yield GaugeMetricFamily(
            "penstock_coordinator_outbox_notices",
            "Notices in memory that have not arrived",
            value=len(self._outbox),
        )
        yield GaugeMetricFamily(
            "penstock_coordinator_outbox_oldest_seconds",
            "How long the oldest of them has been in memory",
            value=self._outbox.oldest_s(),
        )
        yield CounterMetricFamily(
            "penstock_coordinator_outbox_refused",
            "Notices whose target can never take them",
            value=self._outbox.refused,
        )
