"""One HTTP exchange with egress rules, redirects and a size limit. The one door to aiohttp.

Used by the `http@1` node and for the `http` functions of JavaScript. Follows redirects itself, so
that every hop meets the egress lists and credentials stay with the host they were meant for (RFC
9110, 15.4).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.egress import check_egress
from penstock.nodes.http.connection import connection_text

_REDIRECTS_MAX = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PRIVATE_HEADERS = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. `egress` is the node's own list of hosts; times in seconds."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    timeout_s: float = 30.0
    follow_redirects: bool = True
    egress: tuple[str, ...] | None = None
    may_repeat: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Header names are lower-case; repeated ones are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    charset: str


class HttpClient:
    """A session shared by all requests of a worker."""

    def __init__(self, session: aiohttp.ClientSession, environment: Environment) -> None:
        self._session = session
        self._environment = environment

    async def exchange(self, request: Request) -> Response:
        """Send and read all of the answer, whatever its status.

        Raises HTTP_TIMEOUT, HTTP_CONNECTION (transient), EGRESS_DENIED, BAD_URL, BAD_REQUEST,
        TOO_MANY_REDIRECTS, RESPONSE_TOO_LARGE, and EFFECT_UNCERTAIN when the request must not be
        repeated and may have arrived.
        """
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._follow(request)
        except TimeoutError:
            raise self._broken(
                request, "HTTP_TIMEOUT", f"no answer from {request.url} in {request.timeout_s:g} s"
            ) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise NodeFailure("user", "BAD_URL", f"not an HTTP address: {error}") from None
        except aiohttp.ClientConnectorError as error:
            text = connection_text(error)
            raise NodeFailure("transient", "HTTP_CONNECTION", text) from None
        except (aiohttp.ClientError, OSError) as error:
            text = f"{request.url}: {error or type(error).__name__}"
            raise self._broken(request, "HTTP_CONNECTION", text) from None
        except ValueError as error:
            raise NodeFailure("user", "BAD_REQUEST", str(error)) from None

    def _broken(self, request: Request, reason: str, message: str) -> NodeFailure:
        if request.may_repeat:
            return NodeFailure("transient", reason, message)
        return NodeFailure(
            "permanent", "EFFECT_UNCERTAIN", f"{message}; the request may have had its effect"
        )

    async def _follow(self, request: Request) -> Response:
        url = URL(request.url)
        if request.query:
            url = url.extend_query(list(request.query))
        for _ in range(_REDIRECTS_MAX + 1):
            check_egress(url.host, url.port, self._environment.egress, request.egress)
            async with self._session.request(
                request.method,
                url,
                headers=CIMultiDict(request.headers),
                data=request.body,
                allow_redirects=False,
            ) as answer:
                location = answer.headers.get("Location")
                if not (request.follow_redirects and location and answer.status in _REDIRECTS):
                    return await self._read(answer)
                target = url.join(URL(location))
                request = _redirected(request, answer.status, same_origin=_same(url, target))
                url = target
        raise NodeFailure("permanent", "TOO_MANY_REDIRECTS", f"more than {_REDIRECTS_MAX}")

    async def _read(self, answer: aiohttp.ClientResponse) -> Response:
        limit = self._environment.response_bytes_max
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise NodeFailure(
                    "permanent", "RESPONSE_TOO_LARGE", f"{answer.url} sent more than {limit} bytes"
                )
        headers: dict[str, str] = {}
        for name, value in answer.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return Response(
            answer.status, headers, bytes(body), str(answer.url), answer.charset or "utf-8"
        )


def _same(left: URL, right: URL) -> bool:
    return left.origin() == right.origin()


def _redirected(request: Request, status: int, *, same_origin: bool) -> Request:
    """The request for the next hop: 303, and POST on 301 or 302, become GET without a body."""
    headers = dict(request.headers)
    if not same_origin:
        headers = {k: v for k, v in headers.items() if k.lower() not in _PRIVATE_HEADERS}
    to_get = status == 303 or (status in (301, 302) and request.method == "POST")
    if not to_get or request.method == "HEAD":
        return replace(request, headers=headers)
    headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
    return replace(request, method="GET", body=None, headers=headers)


@asynccontextmanager
async def open_http(environment: Environment) -> AsyncIterator[HttpClient]:
    """A client with pooled connections and no cookies kept between requests."""
    connector = aiohttp.TCPConnector(limit=512, limit_per_host=128, ttl_dns_cache=30)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "penstock"},
    ) as session:
        yield HttpClient(session, environment)
