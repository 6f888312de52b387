"""Services beside a cluster: started by a test, with addresses and a network that the cluster's own
do not have."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGTERM

from penstock.embedded.cluster_file import ClusterFile, ProcessIdentity, write_cluster_file
from penstock.embedded.ports import PortPool
from penstock.embedded.probes import probe_grpc
from penstock.embedded.program import launch_arguments, tail

START_S = 60
STOP_S = 30


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """A port for each."""
    pool = PortPool(os.getpid() * 53)
    return {name: pool.take() for name in names}


def lay_out(data_dir: Path, ports: Mapping[str, int]) -> None:
    """Let the cluster that is going to run here take these ports, as if it had had them before."""
    data_dir.mkdir(parents=True, exist_ok=True)
    nobody = ProcessIdentity(0, 0.0)
    write_cluster_file(data_dir, ClusterFile(owner=nobody, ports=dict(ports)))


@asynccontextmanager
async def open_service(
    role: str, address: str, log: Path, settings: Mapping[str, str], within: Sequence[str] = ()
) -> AsyncIterator[None]:
    """One more service, at an address, with the settings it needs, until the block ends; then it
    must end by itself. `within` goes before its command."""
    prefix = f"PENSTOCK_{role.upper()}_"
    own = {"LISTEN": address, **settings}
    script = Path(sys.executable).with_name(f"penstock-{role}")
    found_by_name = "/usr/bin/env"
    command = launch_arguments([found_by_name, *within, sys.executable, str(script)], SIGTERM)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **{prefix + name: value for name, value in own.items()}},
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(START_S):
            while await probe_grpc(address):
                assert process.returncode is None, tail(log)
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            code = await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            code = await process.wait()
    assert code == 0, tail(log)
