"""PostgreSQL in trouble: read-only, out of connections, out of disk, restarted. New work is refused
with a clear error, nothing that was acknowledged is lost, and all goes on by itself."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from penstock.embedded import Cluster, ClusterSettings, open_cluster
from support.busy import FLOW, NAME, check_result
from support.load import faults_of, open_load

DISK_MB = 512
REFUSED = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


@asynccontextmanager
async def superuser(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def is_refused(url: str) -> None:
    """Return once a start is refused; the refusal must say what is wrong."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.timeout(60):
        for attempt in range(10_000):
            headers = {"Idempotency-Key": f"probe-{attempt}"}
            path = f"{url}/v1/workflows/{NAME}/executions"
            async with session.post(path, json={"params": {"n": 1}}, headers=headers) as answer:
                problem = await answer.json(content_type=None)
                if answer.status >= 400:
                    assert answer.status in (503, 504), problem
                    assert problem["code"] in REFUSED
                    assert problem["detail"]
                    return


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_database_that_turned_read_only_refuses_and_heals(tmp_path: Path):
    async with open_cluster(ClusterSettings(data_dir=tmp_path)) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            await load.more(10)
            async with superuser(cluster) as admin:
                await admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
                await admin.execute("SELECT pg_reload_conf()")
                await is_refused(cluster.gateway_url)
                await admin.execute("SET default_transaction_read_only = off")
                await admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
                await admin.execute("SELECT pg_reload_conf()")
            await load.more(10)
        assert await faults_of(load, cluster.state_address) == []


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_database_without_free_connections_refuses_and_heals(tmp_path: Path):
    async with open_cluster(ClusterSettings(data_dir=tmp_path)) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            await load.more(10)
            cluster.pause("state")
            hogs = await take_all_connections(cluster)
            cluster.kill("state")
            hogs += await take_all_connections(cluster)
            await is_refused(cluster.gateway_url)
            for hog in hogs:
                hog.terminate()
            await load.more(10)
        assert await faults_of(load, cluster.state_address) == []


async def take_all_connections(cluster: Cluster) -> list[asyncpg.Connection]:
    """Connect until PostgreSQL refuses."""
    hogs: list[asyncpg.Connection] = []
    for _ in range(200):
        try:
            hogs.append(await asyncpg.connect(cluster.database_url))
        except asyncpg.TooManyConnectionsError:
            return hogs
    raise AssertionError("there was always another connection")


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_a_database_that_restarts_again_and_again_loses_nothing(tmp_path: Path):
    async with open_cluster(ClusterSettings(data_dir=tmp_path)) as cluster:
        async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
            for kind in (signal.SIGINT, signal.SIGKILL, signal.SIGINT):
                await load.more(10)
                os.kill(cluster.pids["postgres"], kind)
            await load.more(10)
        assert await faults_of(load, cluster.state_address) == []


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own that can be filled up; mounting one needs root."""
    folder.mkdir()
    options = f"size={DISK_MB}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "penstock", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
async def test_a_full_disk_refuses_and_work_resumes_when_there_is_room_again(tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        async with open_cluster(ClusterSettings(data_dir=disk / "cluster")) as cluster:
            async with open_load(cluster.gateway_url, FLOW, NAME, check_result) as load:
                await load.more(10)
                fill(disk / "ballast")
                await is_refused(cluster.gateway_url)
                (disk / "ballast").unlink()
                await load.more(10)
            assert await faults_of(load, cluster.state_address) == []


def fill(ballast: Path) -> None:
    """Take all the room that is left."""
    with ballast.open("wb") as file:
        file.truncate(0)
        try:
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), 1024 * 1024)
                file.seek(1024 * 1024, os.SEEK_CUR)
        except OSError:
            pass
    assert shutil.disk_usage(ballast.parent).free < 1024 * 1024
