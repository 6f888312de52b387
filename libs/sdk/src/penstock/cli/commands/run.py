"""`penstock run`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.files import apply_source, read_source
from penstock.cli.options import DataDir, Output, Param, ParamsFile, Tags, Url
from penstock.cli.output import Format, print_value
from penstock.cli.params import build_params, build_vars
from penstock.cli.problems import run_command
from penstock.cli.results import print_result
from penstock.cli.session import DATA_DIR, find_target, open_session
from penstock.cli.start_options import (
    ChosenId,
    Deadline,
    Delay,
    NotBefore,
    Priority,
    Vars,
)
from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client, open_client
from penstock.sdk.start_options import StartOptions


@dataclass(frozen=True, slots=True)
class _Order:
    """What to run and how to tell about it."""

    file: Path
    params: tuple[str, ...]
    params_file: Path | None
    tags: tuple[str, ...]
    key: str
    options: StartOptions
    watch: bool
    wait: bool
    output: Format


def run(  # noqa: PLR0913 - each is an option of the command
    file: Annotated[Path, Parameter(help="A workflow file; - is standard input.")],
    /,
    *,
    param: Param = None,
    params_file: ParamsFile = None,
    watch: Annotated[bool, Parameter(help="Show every node live until the end.")] = True,
    wait: Annotated[bool, Parameter(help="Wait for the end; without it, print the id.")] = True,
    local: Annotated[
        bool,
        Parameter(negative="", help="If no server is found, start a cluster for this run."),
    ] = False,
    tag: Tags = None,
    key: Annotated[
        str, Parameter(show_default=False, help="Runs started with the same key are one run.")
    ] = "",
    priority: Priority = "",
    delay: Delay = "",
    not_before: NotBefore = "",
    deadline: Deadline = "",
    id: ChosenId = "",  # noqa: A002 - the option is --id
    var: Vars = None,
    debug: Annotated[
        bool,
        Parameter(negative="", help="Hold it before its first nodes, for `penstock debug`."),
    ] = False,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Apply a workflow file, run it and show every node live.

    The tree goes to standard error, the result to standard output. On a pipe the tree becomes
    lines.
    """

    async def work() -> ExitCode:
        options = StartOptions(
            int(priority) if priority.isdecimal() else priority or None,
            delay or None,
            not_before or None,
            deadline or None,
            build_vars(var or ()),
            id,
            debug,
        )
        labels, values = tuple(tag or ()), tuple(param or ())
        order = _Order(file, values, params_file, labels, key, options, watch, wait, output)
        return await _run(order, url, data_dir, local=local)

    return run_command(work)


@asynccontextmanager
async def _open(url: str, data_dir: Path, *, local: bool) -> AsyncIterator[Client]:
    if local and find_target(url, data_dir) is None:
        embedded = load_extra("penstock.cli.local")
        embedded.stop_on_signals()
        async with (
            embedded.open_local_cluster(embedded.local_settings(data_dir)) as cluster,
            open_client(cluster.gateway_url) as client,
        ):
            yield client
    else:
        async with open_session(url, data_dir) as client:
            yield client


async def _run(order: _Order, url: str, data_dir: Path, *, local: bool) -> ExitCode:
    source = read_source(order.file)
    async with _open(url, data_dir, local=local) as client:
        applied = await apply_source(client, str(order.file), source)
        params = build_params(order.params, order.params_file, applied.params_schema)
        started = await client.start(
            applied.name,
            params,
            tags=order.tags,
            version=applied.version,
            idempotency_key=order.key,
            options=order.options,
        )
        if not order.wait:
            _print_started(msgspec.to_builtins(started), order.output)
            return ExitCode.OK
        if order.watch:
            await watch_execution(client, started.id)
            execution = await client.get_execution(started.id)
        else:
            execution = await client.wait(started.id)
        return await print_result(client, execution, order.output)


def _print_started(started: dict[str, Any], form: Format) -> None:
    if form == "table":
        print(started["id"])
    else:
        print_value(started, form)
