"""One HTTP request, with repeats while the server is away; the one door to aiohttp."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
import msgspec

from penstock.sdk.errors import ApiError, ServerFault, UnavailableError, error_of, unreachable
from penstock.sdk.models import Problem

Answer = TypeVar("Answer")

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0
_GATEWAY_TROUBLE = (aiohttp.ClientError, ConnectionError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `safe` if repeating it changes nothing. With `answers_503` the body of
    a status 503 is the answer."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    safe: bool = True
    answers_503: bool = False


def backoff_s(attempt: int) -> float:
    """Wait before the next try: 0.1 s, doubled each time, 2 s at most."""
    return min(_FIRST_DELAY_S * 2.0**attempt, _LONGEST_DELAY_S)


class Transport:
    """Requests to one server. `patience_s` is how long a safe request is repeated while the server
    is away."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str, patience_s: float
    ) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._patience_s = patience_s
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, call: Call, answer: type[Answer], timeout_s: float = 30.0) -> Answer:
        """The decoded answer. Raises an `ApiError`."""
        body = await self.ask_bytes(call, timeout_s)
        try:
            return msgspec.json.decode(body, type=answer)
        except msgspec.MsgspecError as error:
            raise ServerFault(
                Problem(
                    title="The answer is not understood.",
                    status=500,
                    detail=f"{call.path} answered something else than expected: {error}",
                    fix="Check that PENSTOCK_URL names a Penstock gateway of this version.",
                )
            ) from error

    async def ask_bytes(self, call: Call, timeout_s: float = 30.0) -> bytes:
        """The answer's body. Raises an `ApiError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        attempt = 0
        while True:
            try:
                return await self._once(call, timeout_s)
            except UnavailableError:
                pause = backoff_s(attempt)
                if not call.safe or loop.time() + pause > deadline:
                    raise
                await asyncio.sleep(pause)
                attempt += 1

    async def _once(self, call: Call, timeout_s: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_s), self._request(call) as response:
                if not (call.answers_503 and response.status == 503):
                    await raise_problem(response)
                return await response.read()
        except _GATEWAY_TROUBLE as error:
            raise unreachable(self.url, error) from error

    @asynccontextmanager
    async def stream(self, call: Call, idle_s: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """An open answer that is read piece by piece; `idle_s` of silence end it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=idle_s)
        try:
            async with self._request(call, timeout) as response:
                await raise_problem(response)
                yield response
        except _GATEWAY_TROUBLE as error:
            raise unreachable(self.url, error) from error

    @asynccontextmanager
    async def _request(
        self, call: Call, timeout: aiohttp.ClientTimeout | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._session.request(
            call.method,
            self.url + call.path,
            params=dict(call.query),
            data=call.body,
            headers={**self._headers, **call.headers},
            timeout=timeout or aiohttp.ClientTimeout(total=None),
        ) as response:
            yield response


async def raise_problem(response: aiohttp.ClientResponse) -> None:
    """Raise what a refusing answer tells."""
    if response.status < 400:
        return
    body = await response.read()
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        text = body[:500].decode("utf-8", "replace").strip()
        problem = Problem(title=response.reason or "", detail=text)
    error: ApiError = error_of(msgspec.structs.replace(problem, status=response.status))
    raise error


@asynccontextmanager
async def open_transport(url: str, token: str, patience_s: float) -> AsyncIterator[Transport]:
    """A connection pool to one server."""
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        yield Transport(session, url, token, patience_s)
