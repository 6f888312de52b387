"""The world outside the cluster: an HTTP server that counts what was done to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Outside:
    """Counts requests by idempotency key; `inside` are those being answered now, by the path they
    came to, `most` the most of a path at one time. While `open` is not set nobody is answered."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.takes_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.url = ""
        self._changed = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        path = request.path
        self.done[request.headers["Idempotency-Key"]] += 1
        self.inside[path] += 1
        self.most[path] = max(self.most[path], self.inside[path])
        async with self._changed:
            self._changed.notify_all()
        try:
            await self.open.wait()
            await asyncio.sleep(self.takes_s)
        finally:
            self.inside[path] -= 1
        return web.json_response({"ok": True})

    async def reached(self, count: int) -> None:
        """Return once so many requests have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.done.total() >= count)


@asynccontextmanager
async def open_outside() -> AsyncIterator[Outside]:
    """A world on a free port; who hangs up is not waited for."""
    world = Outside()
    app = web.Application()
    app.router.add_post("/{name:.*}", world.take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield world
    finally:
        await runner.cleanup()
