"""Which server a command talks to, and the client for it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.embedded.cluster_file import find_live_cluster
from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import UnavailableError
from penstock.sdk.models import Problem

DATA_DIR = Path(".penstock")
URL_VARIABLE = "PENSTOCK_URL"
TOKEN_VARIABLE = "PENSTOCK_TOKEN"


def find_url(url: str, data_dir: Path) -> str | None:
    """`--url`, else `PENSTOCK_URL`, else the cluster that runs on the data directory."""
    named = url or os.environ.get(URL_VARIABLE, "")
    if named:
        return named
    cluster = find_live_cluster(data_dir)
    return cluster.gateway_url if cluster else None


@asynccontextmanager
async def open_session(url: str = "", data_dir: Path = DATA_DIR) -> AsyncIterator[Client]:
    """A client of the server that is meant. Raises `UnavailableError` if there is none."""
    found = find_url(url, data_dir)
    if found is None:
        raise UnavailableError(
            Problem(
                title="No server.",
                detail=f"no cluster runs on {data_dir}, and {URL_VARIABLE} is not set",
                fix=f"Start one with `penstock dev`, or set {URL_VARIABLE}.",
            )
        )
    async with open_client(found, token=os.environ.get(TOKEN_VARIABLE, "")) as client:
        yield client
