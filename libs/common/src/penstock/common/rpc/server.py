"""gRPC servers as all services run them: health, reflection, error translation, account and trace
context, drain."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from penstock.common.errors import Internal, PenstockError, Unavailable
from penstock.common.logging import get_logger
from penstock.common.rpc.status import to_status
from penstock.common.tracing import current_traceparent, is_traceparent

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
_DRAIN_S = 2.0
_SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)

TENANT_KEY = "penstock-tenant"
TRACE_KEY = "traceparent"
DEFAULT_TENANT = "default"


class Health:
    """What the health service says; services report it about themselves."""

    def __init__(self) -> None:
        self.servicer = health_aio.HealthServicer()

    async def set_serving(self, services: Sequence[str], serving: bool) -> None:
        """Mark services (and the server as a whole) as serving or not."""
        status = health_pb2.HealthCheckResponse
        for name in ("", *services):
            await self.servicer.set(name, status.SERVING if serving else status.NOT_SERVING)


class RunningServer(msgspec.Struct, frozen=True):
    """A server that listens."""

    address: str
    port: int
    health: Health


def call_tenant(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """The account a call is made for, set by the gateway from the authenticated context."""
    for key, value in context.invocation_metadata() or ():
        if key == TENANT_KEY:
            return str(value)
    return DEFAULT_TENANT


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: PenstockError) -> None:
    await context.abort_with_status(rpc_status.to_status(to_status(error)))


class _Edge(grpc.aio.ServerInterceptor):
    """Around every call: trace context in, operating errors out as rich status, bugs logged and
    hidden."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith("/grpc."):
            return handler
        method = handler_call_details.method
        if handler.response_streaming:
            behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
            wrapped = _wrap_stream(behaviour, method)
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
        else:
            behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
            wrapped = _wrap_unary(behaviour, method)
            make = (
                grpc.stream_unary_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_unary_rpc_method_handler
            )
        return make(wrapped, handler.request_deserializer, handler.response_serializer)


def _take_trace(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    for key, value in context.invocation_metadata() or ():
        if key == TRACE_KEY and is_traceparent(str(value)):
            current_traceparent.set(str(value))


async def _answer_fault(
    error: Exception, method: str, context: grpc.aio.ServicerContext[Any, Any]
) -> None:
    """Turn what a handler raised into a status. grpc's own abort passes through."""
    if isinstance(error, PenstockError):
        await _abort(context, error)
    if isinstance(error, grpc.aio.AbortError | grpc.aio.BaseError):
        raise error
    get_logger("rpc").exception("call_failed", method=method, error=str(error))
    await _abort(context, Internal(f"{method} failed: {type(error).__name__}"))


def _wrap_unary(behaviour: Any, method: str) -> Any:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        _take_trace(context)
        try:
            return await behaviour(request, context)
        except Exception as error:  # noqa: BLE001 - the edge of the process
            await _answer_fault(error, method, context)

    return call


def _wrap_stream(behaviour: Any, method: str) -> Any:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        _take_trace(context)
        try:
            async for answer in behaviour(request, context):
                yield answer
        except Exception as error:  # noqa: BLE001 - the edge of the process
            await _answer_fault(error, method, context)

    return call


@asynccontextmanager
async def open_server(
    listen: str,
    register: Callable[[grpc.aio.Server], None],
    *,
    services: Sequence[str],
    health: Health | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve what `register` adds on `listen` (host:port) until the block ends, then drain for 2 s.

    `services` are full service names, for health and reflection. With an own `health` the caller
    says when it is serving; without one the server is serving at once. Raises `Unavailable` if the
    address cannot be taken.
    """
    server = grpc.aio.server(options=_SERVER_OPTIONS, interceptors=(_Edge(),))
    register(server)
    reported = health or Health()
    health_pb2_grpc.add_HealthServicer_to_server(reported.servicer, server)
    reflection.enable_server_reflection(
        (*services, "grpc.health.v1.Health", reflection.SERVICE_NAME), server
    )
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise Unavailable(f"cannot listen on {listen}", fix="Choose a free address.") from error
    await server.start()
    await reported.set_serving(services, health is None)
    try:
        yield RunningServer(f"{listen.rpartition(':')[0]}:{port}", port, reported)
    finally:
        await reported.set_serving(services, False)
        await server.stop(_DRAIN_S)
