"""Prometheus metrics over HTTP. The one door to prometheus-client's exposition server."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server


@contextmanager
def open_metrics(listen: str, registry: CollectorRegistry) -> Iterator[None]:
    """Serve `registry` on `listen` (host:port) until the block ends; an empty address serves
    nothing."""
    if not listen:
        yield
        return
    host, _, port = listen.rpartition(":")
    server, thread = start_http_server(int(port), addr=host, registry=registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
