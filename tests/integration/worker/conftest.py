"""Things that live for a whole test session: a PostgreSQL server and a sandbox service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.postgres import open_postgres


@pytest.fixture(scope="session")
def postgres():
    with open_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def sandbox_address():
    """Address of a real sandbox in a process of its own."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("penstock-sandbox")],
        env={**os.environ, "PENSTOCK_SANDBOX_LISTEN": "127.0.0.1:0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if '"service_ready"' in line:
            break
    yield json.loads(line)["address"]
    process.terminate()
    process.stderr.read()
    process.wait(timeout=20)
    process.stderr.close()
