"""`penstock execution show|diff|rerun|fork`: the past, and going on from there."""

import json
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from penstock.cli.comparing import print_execution_comparison
from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import At, DataDir, Id, Output, Param, Tags, Url
from penstock.cli.output import print_value
from penstock.cli.params import build_params, parse_json
from penstock.cli.problems import BadInput, run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.showing import execution_now, print_tree
from penstock.sdk.client import Client
from penstock.sdk.history_models import Rerun

Version = Annotated[str, Parameter(help="Version to run: same, latest, or a number.")]
Debug = Annotated[bool, Parameter(negative="", help="Debug it from its first node on.")]
Key = Annotated[
    str,
    Parameter(show_default=False, help="Requests with one key are one: a repeat starts nothing."),
]


def show(
    execution: Id,
    /,
    *,
    at: At = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show an execution with its nodes, as it is or as it was at a past event or instant; `get`
    adds the result."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            if not at:
                found = await execution_now(client, execution)
            elif at.isascii() and at.isdigit():
                found = await client.history.at(execution, seq=int(at))
            else:
                found = await client.history.at(execution, at=at)
        if output != "table":
            print_value(found, output)
            return ExitCode.OK
        if found.past is not None:
            past = found.past
            print(f"as of event {past.seq} of {past.newest_seq}, {past.at}")
        print_tree(found)
        return ExitCode.OK

    return run_command(work)


def diff(
    left: Id,
    right: Annotated[str, Parameter(show_default=False, help="Id of another execution.")],
    /,
    *,
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Show how two executions differ: each node, and where they began to go different ways."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            found = await client.history.compare(left, right)
        if output == "table":
            print_execution_comparison(found)
        else:
            print_value(found, output)
        return ExitCode.OK

    return run_command(work)


def rerun(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    from_: Annotated[
        list[str],
        Parameter(
            name="--from",
            negative="",
            help="A node that runs again, with everything after it. Give it as often as needed.",
        ),
    ],
    input_json: Annotated[
        str,
        Parameter(name="--input", show_default=False, help="Its input, JSON keyed by parent."),
    ] = "",
    param: Param = None,
    version: Version = "same",
    tag: Tags = None,
    debug: Debug = False,
    idempotency_key: Key = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Run nodes again as a new execution; outcomes that do not depend on them are taken over."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            made = await client.history.rerun(
                execution,
                from_,
                input=parse_json(input_json, "--input") if input_json else None,
                params=await _params(client, execution, param),
                version=_version(version),
                tags=tag or (),
                debug=debug,
                idempotency_key=idempotency_key,
            )
        _print_made(made, output)
        return ExitCode.OK

    return run_command(work)


def fork(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    at: Annotated[int, Parameter(help="Number of the last event that is to count.")],
    param: Param = None,
    version: Version = "same",
    tag: Tags = None,
    debug: Debug = False,
    idempotency_key: Key = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Go on from a past event as a new execution: what had ended by then is taken over."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            made = await client.history.fork(
                execution,
                at,
                params=await _params(client, execution, param),
                version=_version(version),
                tags=tag or (),
                debug=debug,
                idempotency_key=idempotency_key,
            )
        _print_made(made, output)
        return ExitCode.OK

    return run_command(work)


async def _params(client: Client, execution: str, given: list[str] | None) -> dict[str, Any] | None:
    """The past parameters with some replaced; None if they stay as they are."""
    if not given:
        return None
    past = await client.get_execution(execution)
    params = past.params or {}
    if "$ref" in params:
        params = json.loads(await client.payload(params["$ref"]))
    workflow = await client.get_workflow(past.workflow, past.version)
    return {**params, **build_params(given, None, workflow.params_schema)}


def _version(text: str) -> int | Literal["same", "latest"]:
    if text == "same":
        return "same"
    if text == "latest":
        return "latest"
    if text.isascii() and text.isdigit():
        return int(text)
    raise BadInput(f"--version is {text!r}", fix="Give same, latest, or a number from 1.")


def _print_made(made: Rerun, output: Output) -> None:
    if output != "table":
        print_value(made, output)
        return
    again = " (made before)" if made.existing else ""
    carried = f", taken over: {', '.join(made.carried)}" if made.carried else ""
    print(f"{made.id} {made.workflow} v{made.version}{again}{carried}")
