"""The client of Penstock: start workflows over REST, wait for them, watch them live.

async with open_client("http://127.0.0.1:8080") as client:
    started = await client.start("hello", {"name": "you"})
    ended = await client.wait(started.id)
"""

from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import (
    ApiError,
    ConflictError,
    InvalidParamsError,
    InvalidRequestError,
    InvalidWorkflowError,
    LimitError,
    NotFoundError,
    ServerFault,
    UnavailableError,
)

__all__ = [
    "ApiError",
    "Client",
    "ConflictError",
    "InvalidParamsError",
    "InvalidRequestError",
    "InvalidWorkflowError",
    "LimitError",
    "NotFoundError",
    "ServerFault",
    "UnavailableError",
    "open_client",
]
