"""A realm of V8 shared by a module's tests, and running services."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from penstock.sandbox.service import open_sandbox
from penstock.sandbox.settings import Settings
from support.sandbox import Client, Realm


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    with Realm() as realm:
        yield realm


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Starts a service with the given settings; gives an object that makes clients of it."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Callable[[], Client]:
            settings = {"listen": "127.0.0.1:0", "max_size": 1} | settings
            server = await stack.enter_async_context(open_sandbox(Settings(**settings)))

            @asynccontextmanager
            async def client() -> AsyncIterator[Client]:
                made = Client(server.address)
                try:
                    yield made
                finally:
                    await made.close()

            async def connect() -> Client:
                return await stack.enter_async_context(client())

            return connect

        yield start


@pytest.fixture
async def client(serve: Callable[..., Any]) -> Client:
    """A client of a service with one jail."""
    return await (await serve())()
