"""`penstock run`."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.files import apply_source, read_source
from penstock.cli.params import PARAMS, Params
from penstock.cli.problems import BadInput, error_console, with_exit_code
from penstock.cli.results import print_result
from penstock.cli.session import Server, find_target
from penstock.cli.start_options import START, Start
from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import NotFoundError
from penstock.sdk.models import Started, WorkflowSummary

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE_ENDINGS = (".yaml", ".yml", ".json")


@with_exit_code
async def run(  # noqa: PLR0913 - each is an option of the command
    file: Annotated[
        Path,
        Parameter(
            help="A workflow file, - for standard input, or the name of a workflow that was "
            "applied."
        ),
    ],
    /,
    *,
    version: Annotated[
        int, Parameter(help="Of a workflow that is named: which version; 0 is the latest.")
    ] = 0,
    params: Params = PARAMS,
    watch: Annotated[bool, Parameter(help="Show every node live until the end.")] = True,
    wait: Annotated[bool, Parameter(help="Wait for the end; without it, print the id.")] = True,
    local: Annotated[
        bool,
        Parameter(negative="", help="If no server is found, start a cluster for this run."),
    ] = False,
    start: Start = START,
    call: Call = CALL,
) -> ExitCode:
    """Run a workflow file, which is applied first, or a workflow that was applied before; show
    every node live.

    The tree goes to standard error, the result to standard output. On a pipe the tree becomes
    lines.
    """
    options, key = start.to_options(), start.idempotency_key()
    source = None if _is_name(file, version) else read_source(file)
    async with _open(call.server, local=local) as client:
        found = await _workflow(client, str(file), version, source)
        started = await client.start(
            found.name,
            params.build(found.params_schema),
            tags=start.tag or (),
            version=version if source is None else found.version,
            idempotency_key=key,
            options=options,
        )
        if started.existing and (key or options.id):
            error_console().print("this start was made before: it is not run again", style="dim")
        if not wait:
            call.show(started, _print_id)
            return ExitCode.OK
        if watch:
            await watch_execution(client, started.id)
            execution = await client.get_execution(started.id)
        else:
            execution = await client.wait(started.id)
        return await print_result(client, execution, call.output)


@asynccontextmanager
async def _open(server: Server, *, local: bool) -> AsyncIterator[Client]:
    if local and find_target(server.url, server.data_dir) is None:
        embedded = load_extra("penstock.cli.local")
        embedded.stop_on_signals()
        async with (
            embedded.open_local_cluster(embedded.local_settings(server.data_dir)) as cluster,
            open_client(cluster.gateway_url) as client,
        ):
            yield client
    else:
        async with server.session() as client:
            yield client


def _is_name(file: Path, version: int) -> bool:
    """True if no file is meant but a workflow that the server has. Raises `BadInput` for a version
    of a file: it has its own."""
    text = str(file)
    is_name = (
        _NAME.fullmatch(text) is not None and not text.endswith(_FILE_ENDINGS) and not file.exists()
    )
    if version and not is_name:
        fix = "Leave --version out, or name a workflow instead of a file."
        raise BadInput("--version is for a workflow that was applied", fix=fix)
    return is_name


async def _workflow(client: Client, name: str, version: int, source: str | None) -> WorkflowSummary:
    """What is run: the file as a version, or a version that is there."""
    if source is not None:
        return await apply_source(client, name, source)
    try:
        return await client.get_workflow(name, version)
    except NotFoundError as error:
        if version:
            raise
        fix = "Check the path; `penstock workflow list` shows the workflows."
        raise BadInput(f"there is no file and no workflow {name}", fix=fix) from error


def _print_id(started: Started) -> None:
    print(started.id)
