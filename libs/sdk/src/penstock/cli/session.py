"""Which server a command talks to, and the client for it."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.options import DataDir
from penstock.cli.problems import BadInput
from penstock.embedded.cluster_file import find_live_cluster
from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import UnavailableError
from penstock.sdk.models import Problem

_ADDRESS = re.compile(r"https?://[^/\s]")

DATA_DIR = Path(".penstock")
URL_VARIABLE = "PENSTOCK_URL"
TOKEN_VARIABLE = "PENSTOCK_TOKEN"


_OWN_PATIENCE_S = 15.0
_FOREIGN_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how long to try when it does not answer: an embedded cluster that runs starts
    its gateway again by itself, about other servers nothing is known."""

    url: str
    patience_s: float


def find_target(url: str, data_dir: Path) -> Target | None:
    """`--url`, else `PENSTOCK_URL`, else the cluster that runs on the data directory.
    Raises `BadInput` for what is no address."""
    named = url or os.environ.get(URL_VARIABLE, "")
    if named:
        if not _ADDRESS.match(named):
            raise BadInput(
                f"{named[:80]!r} is no address",
                fix="Give --url or PENSTOCK_URL as http://host:port.",
            )
        return Target(named, _FOREIGN_PATIENCE_S)
    cluster = find_live_cluster(data_dir)
    return Target(cluster.gateway_url, _OWN_PATIENCE_S) if cluster else None


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The options of a command that say which server it talks to."""

    url: Annotated[
        str,
        Parameter(
            show_default=False,
            help="Address of a gateway; else PENSTOCK_URL, else the cluster on --data-dir.",
        ),
    ] = ""
    data_dir: DataDir = DATA_DIR

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Client]:
        """A client of this server. Raises `UnavailableError` if there is none."""
        found = find_target(self.url, self.data_dir)
        if found is None:
            raise UnavailableError(
                Problem(
                    title="No server.",
                    detail=f"no cluster runs on {self.data_dir}, and {URL_VARIABLE} is not set",
                    fix=f"Start one with `penstock dev`, or set {URL_VARIABLE}.",
                )
            )
        token = os.environ.get(TOKEN_VARIABLE, "")
        async with open_client(found.url, token=token, patience_s=found.patience_s) as client:
            yield client


SERVER = Server()
