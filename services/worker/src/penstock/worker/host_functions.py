"""What user JavaScript may ask the worker for: `http`. Deny by default; the node's rules apply."""

from typing import Any

import msgspec

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.common.logging import get_logger
from penstock.common.tracing import current_traceparent
from penstock.nodes.api import Environment, NodeFailure, Resources
from penstock.nodes.http.body import form_bytes, read_body, scalar_text
from penstock.nodes.http.exchange import Request, open_http
from penstock.nodes.http.spec import METHODS, SAFE_METHODS
from penstock.nodes.instants import duration_us
from penstock.worker.failures import to_proto

_TIMEOUT_S = 30.0
_CALLS_MAX = 1000

log = get_logger("host_functions")


class CallHost:
    """Host functions of one attempt.

    `key` is the attempt's idempotency key; each request that changes something carries it with its
    ordinal.
    """

    def __init__(
        self,
        key: str,
        allowed: tuple[str, ...],
        egress: tuple[str, ...] | None,
        resources: Resources,
        environment: Environment,
        may_repeat: bool = True,
    ) -> None:
        self._key = key
        self._allowed = allowed
        self._egress = egress
        self._resources = resources
        self._environment = environment
        self._may_repeat = may_repeat
        # The calls come in on the sandbox's stream, outside of the attempt's own context.
        self._traceparent = current_traceparent.get()

    async def answer(self, request: pb.HostCall) -> pb.HostResult:
        """Do what was asked; failures become what user code catches."""
        result = pb.HostResult(call_id=request.call_id, host_call_id=request.host_call_id)
        try:
            result.value_json = await self._do(request)
        except NodeFailure as failure:
            result.failure.CopyFrom(to_proto(failure))
        except Exception as error:
            log.exception("host_function_failed", function=request.function, error=str(error))
            text = f"{request.function} failed inside Penstock"
            result.failure.CopyFrom(to_proto(NodeFailure("system", "INTERNAL", text)))
        return result

    async def _do(self, request: pb.HostCall) -> bytes:
        name = request.function
        if name.partition(".")[0] not in self._allowed or name != "http.request":
            raise NodeFailure("user", "HOST_FUNCTION_DENIED", f"{name} is not allowed in this node")
        if request.host_call_id > _CALLS_MAX:
            raise NodeFailure(
                "user", "TOO_MANY_HOST_CALLS", f"more than {_CALLS_MAX} calls in one attempt"
            )
        arguments = msgspec.json.decode(request.args_json)
        options = arguments[0] if arguments else None
        if not isinstance(options, dict):
            raise NodeFailure("user", "BAD_REQUEST", "http wants an object of options")
        return await self._http(options, request.host_call_id)

    async def _http(self, options: dict[str, Any], ordinal: int) -> bytes:
        client = await self._resources.get(open_http)
        response = await client.exchange(self._request(options, ordinal))
        return msgspec.json.encode(
            {
                "status": response.status,
                "ok": response.status < 400,
                "headers": dict(response.headers),
                "body": read_body(response, str(options.get("response", "auto"))),
                "url": response.url,
            }
        )

    def _request(self, options: dict[str, Any], ordinal: int) -> Request:
        method = str(options.get("method", "GET")).upper()
        if method not in METHODS:
            raise NodeFailure("user", "BAD_REQUEST", f"{method} is no method of http")
        headers: dict[str, str] = {}
        body, content_type = _body(options)
        if content_type:
            headers["Content-Type"] = content_type
        if method not in SAFE_METHODS:
            headers["Idempotency-Key"] = f"{self._key}/{ordinal}"
        if self._traceparent:
            headers["traceparent"] = self._traceparent
        given = options.get("headers") or {}
        named = {name: scalar_text(value) for name, value in given.items()}
        taken = {name.lower() for name in named}
        headers = {k: v for k, v in headers.items() if k.lower() not in taken} | named
        query = options.get("query") or {}
        timeout = options.get("timeout")
        return Request(
            method=method,
            url=scalar_text(options.get("url")),
            headers=headers,
            query=[(name, scalar_text(value)) for name, value in query.items()],
            body=body,
            timeout_s=_TIMEOUT_S if timeout is None else duration_us(timeout, "timeout") / 1e6,
            follow_redirects=options.get("follow_redirects", True) is not False,
            egress=self._egress,
            may_repeat=self._may_repeat,
        )


def _body(options: dict[str, Any]) -> tuple[bytes | None, str]:
    """Objects and lists go as JSON, texts as they are, `form` as a form."""
    if options.get("form") is not None:
        return form_bytes(options["form"]), "application/x-www-form-urlencoded"
    if options.get("json") is not None:
        return msgspec.json.encode(options["json"]), "application/json"
    body = options.get("body")
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(body), "application/json"
