"""`http@1`: configuration to request, response to output or failure."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.nodes.api import Done, NodeCall, NodeFailure
from penstock.nodes.http.body import form_bytes, read_body, scalar_text, shown
from penstock.nodes.http.exchange import Request, Response, open_http
from penstock.nodes.http.spec import SAFE_METHODS
from penstock.nodes.instants import duration_us

_TRANSIENT = frozenset({408, 425, 429})


def _auth(auth: Mapping[str, Any]) -> str:
    if "bearer" in auth:
        return f"Bearer {auth['bearer']}"
    basic = auth["basic"]
    pair = f"{basic['username']}:{basic['password']}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _body(config: Mapping[str, Any]) -> tuple[bytes | None, str]:
    """The body and its content type."""
    given = [name for name in ("body", "json", "form") if name in config]
    if len(given) > 1:
        raise NodeFailure("user", "BAD_REQUEST", f"give only one of {', '.join(given)}")
    if "json" in config:
        return msgspec.json.encode(config["json"]), "application/json"
    if "form" in config:
        return form_bytes(dict(config["form"])), "application/x-www-form-urlencoded"
    if "body" in config:
        return scalar_text(config["body"]).encode(), "text/plain; charset=utf-8"
    return None, ""


def _query(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in config.get("query", {}).items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, scalar_text(one)) for one in values if one is not None]
    return pairs


def request_of(call: NodeCall) -> Request:
    """The request that the configuration asks for."""
    config = call.config
    method = str(config.get("method", "GET")).upper()
    body, content_type = _body(config)
    headers: dict[str, str] = {}
    if content_type:
        headers["Content-Type"] = content_type
    if "auth" in config:
        headers["Authorization"] = _auth(config["auth"])
    if method not in SAFE_METHODS and call.idempotency_key:
        headers["Idempotency-Key"] = call.idempotency_key
    if call.traceparent:
        headers["traceparent"] = call.traceparent
    given = {name: scalar_text(value) for name, value in config.get("headers", {}).items()}
    taken = {name.lower() for name in given}
    headers = {k: v for k, v in headers.items() if k.lower() not in taken} | given
    timeout_s = call.time_left_s
    if "timeout" in config:
        timeout_s = min(timeout_s, duration_us(config["timeout"], "timeout") / 1e6)
    return Request(
        method=method,
        url=scalar_text(config["url"]),
        headers=headers,
        query=_query(config),
        body=body,
        timeout_s=timeout_s,
        follow_redirects=config.get("follow_redirects", True),
        egress=call.egress,
        may_repeat=call.effects != "once",
    )


def is_expected(status: int, expect: Any) -> bool:
    """True if `status` is among `expect` (numbers, or classes such as `2xx`); below 400 if none."""
    if expect is None:
        return status < 400
    wanted = expect if isinstance(expect, list) else [expect]
    return any(
        str(one) == str(status) or str(one).lower() == f"{status // 100}xx" for one in wanted
    )


def failure_of(response: Response) -> NodeFailure:
    """The failure that an unexpected status is."""
    details: dict[str, Any] = {
        "status": response.status,
        "url": response.url,
        "body": shown(response),
    }
    if "retry-after" in response.headers:
        details["retry_after"] = response.headers["retry-after"]
    transient = response.status >= 500 or response.status in _TRANSIENT
    return NodeFailure(
        "transient" if transient else "permanent",
        "HTTP_STATUS",
        f"{response.url} answered {response.status}",
        details,
    )


async def run(call: NodeCall) -> Done:
    """Send the request; give what came back."""
    client = await call.resources.get(open_http)
    response = await client.exchange(request_of(call))
    if not is_expected(response.status, call.config.get("expect")):
        raise failure_of(response)
    return Done(
        {
            "status": response.status,
            "headers": dict(response.headers),
            "body": read_body(response, call.config.get("response", "auto")),
            "url": response.url,
        }
    )
