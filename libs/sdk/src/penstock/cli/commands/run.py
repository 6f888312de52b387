"""`penstock run`."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.files import apply_source, read_source
from penstock.cli.options import DataDir, Output, Param, ParamsFile, Tags, Url
from penstock.cli.output import Format, print_value
from penstock.cli.params import build_params, build_vars
from penstock.cli.problems import BadInput, error_console, run_command
from penstock.cli.results import print_result
from penstock.cli.session import DATA_DIR, find_target, open_session
from penstock.cli.start_options import (
    ChosenId,
    Deadline,
    Delay,
    FileOrName,
    Key,
    NotBefore,
    OfWorkflow,
    Priority,
    Vars,
    name_of_start,
    time_or_seconds,
)
from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import NotFoundError
from penstock.sdk.models import Started, WorkflowSummary
from penstock.sdk.start_options import StartOptions

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class _Order:
    """What to run and how to tell about it."""

    file: Path
    version: int
    params: tuple[str, ...]
    params_file: Path | None
    tags: tuple[str, ...]
    key: str
    options: StartOptions
    watch: bool
    wait: bool
    output: Format


def run(  # noqa: PLR0913 - each is an option of the command
    file: FileOrName,
    /,
    *,
    version: OfWorkflow = 0,
    param: Param = None,
    params_file: ParamsFile = None,
    watch: Annotated[bool, Parameter(help="Show every node live until the end.")] = True,
    wait: Annotated[bool, Parameter(help="Wait for the end; without it, print the id.")] = True,
    local: Annotated[
        bool,
        Parameter(negative="", help="If no server is found, start a cluster for this run."),
    ] = False,
    tag: Tags = None,
    key: Key = None,
    priority: Priority = "",
    delay: Delay = "",
    not_before: NotBefore = "",
    deadline: Deadline = "",
    id: ChosenId = None,  # noqa: A002 - the option is --id
    var: Vars = None,
    debug: Annotated[
        bool,
        Parameter(negative="", help="Hold it before its first nodes, for `penstock debug`."),
    ] = False,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Run a workflow file, which is applied first, or a workflow that was applied before; show
    every node live.

    The tree goes to standard error, the result to standard output. On a pipe the tree becomes
    lines.
    """

    async def work() -> ExitCode:
        options = StartOptions(
            int(priority) if priority.isdecimal() else priority or None,
            time_or_seconds(delay),
            not_before or None,
            time_or_seconds(deadline),
            build_vars(var or ()),
            name_of_start(id, "--id"),
            debug,
        )
        labels, values = tuple(tag or ()), tuple(param or ())
        name = name_of_start(key, "--key")
        order = _Order(
            file, version, values, params_file, labels, name, options, watch, wait, output
        )
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
    source = None if _is_name(order) else read_source(order.file)
    async with _open(url, data_dir, local=local) as client:
        found = await _workflow(client, order, source)
        params = build_params(order.params, order.params_file, found.params_schema)
        started = await client.start(
            found.name,
            params,
            tags=order.tags,
            version=order.version if source is None else found.version,
            idempotency_key=order.key,
            options=order.options,
        )
        if started.existing and (order.key or order.options.id):
            error_console().print("this start was made before: it is not run again", style="dim")
        if not order.wait:
            _print_started(started, order.output)
            return ExitCode.OK
        if order.watch:
            await watch_execution(client, started.id)
            execution = await client.get_execution(started.id)
        else:
            execution = await client.wait(started.id)
        return await print_result(client, execution, order.output)


def _is_name(order: _Order) -> bool:
    """True if no file is meant but a workflow that the server has. Raises `BadInput` for a version
    of a file: it has its own."""
    text = str(order.file)
    is_name = (
        _NAME.fullmatch(text) is not None
        and not text.endswith(_FILE_ENDINGS)
        and not order.file.exists()
    )
    if order.version and not is_name:
        fix = "Leave --version out, or name a workflow instead of a file."
        raise BadInput("--version is for a workflow that was applied", fix=fix)
    return is_name


async def _workflow(client: Client, order: _Order, source: str | None) -> WorkflowSummary:
    """What is run: the file as a version, or a version that is there."""
    name = str(order.file)
    if source is not None:
        return await apply_source(client, name, source)
    try:
        return await client.get_workflow(name, order.version)
    except NotFoundError as error:
        if order.version:
            raise
        fix = "Check the path; `penstock workflow list` shows the workflows."
        raise BadInput(f"there is no file and no workflow {name}", fix=fix) from error


def _print_started(started: Started, form: Format) -> None:
    if form == "table":
        print(started.id)
    else:
        print_value(started, form)
