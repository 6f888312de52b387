"""Two accounts on one cluster.

The shipped gateway takes every request as the account `default` (there is no authentication yet),
so the other account comes through a gateway of its own: the shipped program, told that the account
of every request is another one.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from penstock.embedded import ClusterFile
from penstock.embedded.ports import PortPool

_READY_S = 60
_PROGRAM = """
import sys
from penstock.gateway import main
from penstock.gateway.http import requests
requests.DEFAULT_TENANT = sys.argv.pop()
main.main()
"""


@contextmanager
def gateway_of(account: str, cluster: ClusterFile, log: Path) -> Iterator[str]:
    """The address of a further gateway of the cluster that takes every request as `account`."""
    port = PortPool(os.getpid()).take()
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "COORDINATOR_ADDRESS": cluster.coordinator_address,
        "STATE_ADDRESS": cluster.state_address,
        "NATS_URL": cluster.nats_url,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, account],
            env={**os.environ, **{f"PENSTOCK_GATEWAY_{k}": v for k, v in settings.items()}},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_ready(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_READY_S)


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/health", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"the gateway did not come up:\n{log.read_text()}")
