"""Limits over the shipped entry points: an outside counter never sees more than the limit, whatever
is killed; what waits is listed and says why."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from penstock.embedded import find_live_cluster
from support.cluster import dev_cluster
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

CALLS = """
flow: 1
id: calls
params: {n: {type: array}}
nodes:
  call:
    for_each: "${{ params.n }}"
    uses: http@1
    with: {url: "http://127.0.0.1:PORT/work", method: POST}
    effects: idempotent
    timeout: 20s
    egress: ["127.0.0.1:PORT"]
    concurrency: {key: outside, limit: 3}
"""


class Counter:
    """How many requests are worked on at once, as the server sees it: one ends before its answer
    goes out, because whoever has the answer may send the next one before this process runs on."""

    def __init__(self) -> None:
        self.now = self.most = self.done = 0
        self.lock = threading.Lock()

    def enter(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def leave(self) -> None:
        with self.lock:
            self.now -= 1
            self.done += 1


@contextmanager
def counting(hold_s: float) -> Iterator[tuple[int, Counter]]:
    counter = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                counter.enter()
                try:
                    self._work()
                finally:
                    counter.leave()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
            except OSError:
                self.close_connection = True

        def _work(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.connection.settimeout(0.02)
            until = time.monotonic() + hold_s
            while time.monotonic() < until and not self._left():
                pass

        def _left(self) -> bool:
            """The other side has hung up; waits a moment for it."""
            try:
                return self.connection.recv(1) == b""
            except TimeoutError:
                return False

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, counter
    finally:
        server.shutdown()
        server.server_close()


def written(folder: Path, port: int) -> Path:
    path = folder / "calls.flow.yaml"
    path.write_text(CALLS.replace("PORT", str(port)), "utf-8")
    return path


def test_an_outside_counter_never_sees_more_than_the_limit(penstock: Penstock, tmp_path: Path):
    with counting(0.05) as (port, counter):
        path = written(tmp_path, port)
        values = tmp_path / "n.json"
        values.write_text(json.dumps({"n": list(range(20))}), "utf-8")
        first = penstock("run", path, "--params-file", values, "--no-wait").stdout.strip()
        second = penstock("run", path, "--params-file", values)
        assert second.returncode == 0, second.stderr
        ended = penstock("execution", "watch", first)
        assert ended.returncode == 0, ended.stderr
        assert counter.most == 3
        assert counter.done >= 40, "more only if a worker was too busy to be heard of"


def test_what_waits_is_listed_and_says_why(penstock: Penstock, tmp_path: Path):
    with counting(60) as (port, counter):
        path = written(tmp_path, port)
        values = tmp_path / "n.json"
        values.write_text(json.dumps({"n": list(range(5))}), "utf-8")
        run = penstock("run", path, "--params-file", values, "--no-wait").stdout.strip()
        until = time.monotonic() + 20
        while counter.now < 3 and time.monotonic() < until:
            time.sleep(0.05)
        listed = json.loads(penstock("limit", "list", "--output", "json").stdout)
        (limit,) = [one for one in listed["limits"] if one["key"] == "outside"]
        assert (limit["used"], limit["limit"], limit["waiting"]) == (3, 3, 2)
        assert {holder["execution_id"] for holder in limit["holders"]} == {run}
        assert penstock("execution", "cancel", run).returncode == 0
        until = time.monotonic() + 20
        while time.monotonic() < until:
            listed = json.loads(penstock("limit", "list", "--output", "json").stdout)
            if not [one for one in listed["limits"] if one["key"] == "outside"]:
                break
            time.sleep(0.2)
        else:
            pytest.fail(f"the slots of a cancelled run come back: {listed}")


@pytest.mark.parametrize("role", ["coordinator", "worker"])
def test_the_counter_sees_no_more_when_a_process_is_killed(role: str, tmp_path: Path):
    with (
        counting(0.3) as (port, counter),
        dev_cluster(tmp_path / "cluster", PENSTOCK_COORDINATOR_LIMIT_FENCE_MS="3000") as cluster,
    ):
        penstock = Penstock(cluster.gateway_url)
        values = tmp_path / "n.json"
        values.write_text(json.dumps({"n": list(range(30))}), "utf-8")
        path = written(tmp_path, port)
        run = penstock("run", path, "--params-file", values, "--no-wait").stdout.strip()
        until = time.monotonic() + 20
        while counter.done < 3 and time.monotonic() < until:
            time.sleep(0.02)
        killed = find_live_cluster(tmp_path / "cluster")
        assert killed is not None
        os.kill(killed.processes[role].pid, signal.SIGKILL)
        ended = penstock("execution", "watch", run)
        assert ended.returncode == 0, ended.stderr
        assert counter.most == 3
        assert counter.done >= 30
