"""Is a service ready? gRPC health and HTTP health, asked from outside."""

import asyncio
from typing import cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_S = 1.0
_STATUS_OK = b"200"


async def _listens(host: str, port: int) -> bool:
    """A bare connection is much cheaper than a gRPC channel that fails."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def probe_grpc(address: str) -> str:
    """Empty if the server says SERVING, else what it says."""
    host, _, port = address.rpartition(":")
    if not await _listens(host, int(port)):
        return "starting"
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return "starting" if error.code() is grpc.StatusCode.UNAVAILABLE else error.code().name
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return cast("str", health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def probe_http(host: str, port: int, path: str) -> str:
    """Empty if a GET answers 200, else the status line."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return "starting"
    words = status.split(maxsplit=2)
    if len(words) > 1 and words[1] == _STATUS_OK:
        return ""
    return status.decode(errors="replace").strip() or "no answer"
