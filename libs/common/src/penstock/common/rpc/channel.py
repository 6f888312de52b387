"""gRPC channels to other services, and unary calls over them with deadline, account and trace
context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, TypeVar

import grpc

from penstock.common.rpc.server import DEFAULT_TENANT, MESSAGE_BYTES_MAX, TENANT_KEY, TRACE_KEY
from penstock.common.rpc.status import from_rpc_error
from penstock.common.settings import BadSettings
from penstock.common.tracing import current_traceparent

Answer = TypeVar("Answer")

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


def target_of(addresses: str) -> str:
    """What gRPC calls these addresses: one host:port as it is, several (comma-separated) as a list
    that it goes through in order. Raises `BadSettings` for a list with names: a name may itself
    have several addresses."""
    listed = [each.strip() for each in addresses.split(",") if each.strip()]
    if len(listed) <= 1:
        return "".join(listed)
    families = {_family(each) for each in listed}
    if len(families) > 1 or not (family := families.pop()):
        raise BadSettings(
            f"{addresses}: of several addresses all must be numbers, such as 10.0.0.1:7402 (all "
            "IPv4 or all IPv6); give one name that stands for all of them instead"
        )
    return f"{family}:{','.join(listed)}"


def _family(address: str) -> str:
    """`ipv4`, `ipv6`, or empty for a name."""
    try:
        return f"ipv{ip_address(address.rpartition(':')[0].strip('[]')).version}"
    except ValueError:
        return ""


@asynccontextmanager
async def open_channel(addresses: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service that reconnects by itself within a second of the other side's return.

    `addresses` is host:port, or several of them, comma-separated, for a service that runs more
    than once: the first one that can be reached is used, and left only when it is lost.
    """
    async with grpc.aio.insecure_channel(target_of(addresses), options=_CHANNEL_OPTIONS) as channel:
        yield channel


def call_metadata(tenant: str, traceparent: str = "") -> tuple[tuple[str, str], ...]:
    """Metadata for a call on behalf of `tenant`, within the trace of the request being served."""
    trace = traceparent or current_traceparent.get()
    return ((TENANT_KEY, tenant), (TRACE_KEY, trace)) if trace else ((TENANT_KEY, tenant),)


async def call(
    method: Any,
    request: Any,
    *,
    timeout_s: float = 10.0,
    tenant: str = DEFAULT_TENANT,
    traceparent: str = "",
) -> Any:
    """Call a stub's unary method. Raises the operating error that the other side raised, or
    `Unavailable`,
    `DeadlineExceeded` if it could not be reached in `timeout_s` seconds."""
    try:
        return await method(request, timeout=timeout_s, metadata=call_metadata(tenant, traceparent))
    except grpc.aio.AioRpcError as error:
        name = getattr(method, "_method", b"")
        target = name.decode() if isinstance(name, bytes) else str(name)
        raise from_rpc_error(error, target) from None
