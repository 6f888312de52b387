"""Circuit breakers over the shipped entry points, against a server outside that
fails and heals."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.command_line import Penstock

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: pay
params: {n: {type: array, default: [1]}}
nodes:
  charge:
    for_each: "${{ params.n }}"
    uses: http@1
    with: {url: "http://127.0.0.1:PORT/pay", method: POST}
    effects: idempotent
    egress: ["127.0.0.1:PORT"]
    retry: none
    breaker: {key: bank, failure_threshold: 3, timeout: 1h, on_open: OPEN}
"""


class Outside:
    """A server that can be ill; `calls` are the times of what it got."""

    def __init__(self) -> None:
        self.ill = True
        self.calls: list[float] = []


@contextmanager
def serving() -> Iterator[tuple[int, Outside]]:
    outside = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            outside.calls.append(time.monotonic())
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(503 if outside.ill else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, outside
    finally:
        server.shutdown()
        server.server_close()


def written(folder: Path, text: str, port: int = 0) -> Path:
    path = folder / "pay.flow.yaml"
    path.write_text(text.replace("PORT", str(port)).replace("OPEN", "fail"), "utf-8")
    return path


def breaker(penstock: Penstock) -> dict:
    told = json.loads(penstock("limit", "breakers", "--output", "json").stdout)
    return next((one for one in told["breakers"] if one["key"] == "bank"), {})


def ended(penstock: Penstock) -> dict:
    """A run of the flow that was applied last, once it has ended."""
    status, _, told = posted(f"{penstock.url}/v1/executions?wait=30s", {"workflow": "pay"})
    assert status == 200, told
    return told


def posted(url: str, body: object) -> tuple[int, dict, dict]:
    """Status, headers and JSON of a request."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), json.loads(refused.read())


def test_a_breaker_opens_probes_and_closes_as_the_other_side_fails_and_heals(
    penstock: Penstock, tmp_path: Path
):
    with serving() as (port, outside):
        text = FLOW.replace("1h", "2s").replace("OPEN", "wait").replace("bank", "till")
        path = written(tmp_path, text, port)
        assert penstock("workflow", "apply", path).returncode == 0
        for _ in range(4):
            assert ended(penstock)["status"] == "FAILED"
        assert len(outside.calls) == 4
        assert outside.calls[3] - outside.calls[2] > 1.9, "the fourth is the probe"
        outside.ill = False
        assert ended(penstock)["status"] == "COMPLETED"
        assert outside.calls[4] - outside.calls[3] > 1.9, "the failed probe opened it again"
        assert ended(penstock)["status"] == "COMPLETED"
        assert len(outside.calls) == 6


def test_people_open_and_close_a_breaker_over_rest_and_command_line(
    penstock: Penstock, tmp_path: Path
):
    with serving() as (port, outside):
        path = written(tmp_path, FLOW, port)
        assert penstock("workflow", "apply", path).returncode == 0
        for _ in range(3):
            assert ended(penstock)["status"] == "FAILED"
        assert breaker(penstock)["state"] == "open"
        assert "CIRCUIT_OPEN" in json.dumps(ended(penstock))
        assert len(outside.calls) == 3, "nothing goes through an open breaker"
        outside.ill = False
        assert penstock("limit", "reset", "bank").returncode == 0
        assert ended(penstock)["status"] == "COMPLETED"
        outside.ill = True
        assert ended(penstock)["status"] == "FAILED"
        url = f"{penstock.url}/v1/breakers"
        status, _, told = posted(url, {"key": "bank", "action": "trip"})
        assert (status, told["action"]) == (200, "trip")
        assert "CIRCUIT_OPEN" in json.dumps(ended(penstock))
        assert len(outside.calls) == 5
        assert posted(url, {"key": "bank", "action": "reset"})[0] == 200
