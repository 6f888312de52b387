"""What the gateway counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """Counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "penstock_gateway_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "penstock_gateway_request_seconds",
            "Time to the answer's first byte.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._starts = Gauge(
            "penstock_gateway_starts_in_flight",
            "Starts that wait for a coordinator's answer.",
            registry=self.registry,
        )
        self.watchers = Gauge(
            "penstock_gateway_watchers",
            "Open event streams (SSE and WebSocket).",
            registry=self.registry,
        )
        self.topics = Gauge(
            "penstock_gateway_watched_executions",
            "Executions that somebody watches.",
            registry=self.registry,
        )
        self.messages = Counter(
            "penstock_gateway_event_messages",
            "Event messages handed to watchers.",
            registry=self.registry,
        )
        self.lagging = Counter(
            "penstock_gateway_watchers_lagging",
            "Times a slow watcher was given a snapshot instead of the events it missed.",
            registry=self.registry,
        )
        self._counted: dict[tuple[str, str, int], Counter] = {}
        self._timed: dict[tuple[str, str], Histogram] = {}

    def count_starts(self, read: Callable[[], float]) -> None:
        """Where to read the number of starts in flight."""
        self._starts.set_function(read)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        key = (method, route, status)
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = self._requests.labels(method, route, str(status))
        counted.inc()
        timed = self._timed.get(key[:2])
        if timed is None:
            timed = self._timed[key[:2]] = self._seconds.labels(method, route)
        timed.observe(seconds)
