"""A state service in this process over a real PostgreSQL."""

import asyncio
import socket
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.state.service import open_state
from penstock.state.settings import Settings
from support.postgres import open_postgres
from support.state_client import client_of

SHARDS = 8


@pytest.fixture
def open_client():
    """Opens clients of services that a test starts itself."""
    return client_of


@pytest.fixture(scope="session")
def postgres():
    with open_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres):
    name = f"t{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def settings(database_url, tmp_path):
    return replace(
        Settings(),
        listen="127.0.0.1:0",
        database_url=database_url,
        database_connections=4,
        shard_count=SHARDS,
        payload_url=(tmp_path / "payloads").as_uri(),
    )


@pytest.fixture
async def state(settings):
    async with open_state(settings, asyncio.Event()) as server:
        yield server


@pytest.fixture
async def client(state):
    async with client_of(state.address) as client:
        yield client


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = tmp_path_factory.mktemp("nats")
    program = Path(sys.executable).with_name("nats-server")
    arguments = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", store]
    server = subprocess.Popen([program, *arguments], stderr=subprocess.DEVNULL)
    yield f"nats://127.0.0.1:{port}"
    server.terminate()
    server.wait()
