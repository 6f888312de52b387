"""`penstock execution show|diff|rerun|fork`: the past, and going on from there."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.comparing import print_execution_comparison
from penstock.cli.options import At, Id, Param, Tags
from penstock.cli.params import build_params, parse_json
from penstock.cli.problems import BadInput, with_exit_code
from penstock.cli.showing import execution_now, print_tree
from penstock.sdk.client import Client
from penstock.sdk.history_models import Rerun
from penstock.sdk.models import Execution


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The options of whatever makes a new execution out of one that was."""

    param: Param = None
    version: Annotated[str, Parameter(help="Version to run: same, latest, or a number.")] = "same"
    tag: Tags = None
    debug: Annotated[bool, Parameter(negative="", help="Debug it from its first node on.")] = False
    idempotency_key: Annotated[
        str,
        Parameter(
            show_default=False, help="Requests with one key are one: a repeat starts nothing."
        ),
    ] = ""

    async def params(self, client: Client, execution: str) -> dict[str, Any] | None:
        """The past parameters with some replaced; None if they stay as they are."""
        if not self.param:
            return None
        past = await client.get_execution(execution)
        params = past.params or {}
        if "$ref" in params:
            params = json.loads(await client.payload(params["$ref"]))
        workflow = await client.get_workflow(past.workflow, past.version)
        return {**params, **build_params(self.param, None, workflow.params_schema)}

    def version_to_run(self) -> int | Literal["same", "latest"]:
        """As the interface takes it. Raises `BadInput`."""
        if self.version == "same":
            return "same"
        if self.version == "latest":
            return "latest"
        if self.version.isascii() and self.version.isdigit():
            return int(self.version)
        fix = "Give same, latest, or a number from 1."
        raise BadInput(f"--version is {self.version!r}", fix=fix)


AGAIN = Again()


@with_exit_code
async def show(execution: Id, /, *, at: At = "", call: Call = CALL) -> None:
    """Show an execution with its nodes, as it is or as it was at a past event or instant; `get`
    adds the result."""
    async with call.session() as client:
        if not at:
            found = await execution_now(client, execution)
        elif at.isascii() and at.isdigit():
            found = await client.history.at(execution, seq=int(at))
        else:
            found = await client.history.at(execution, at=at)
    call.show(found, _print_execution)


def _print_execution(found: Execution) -> None:
    if found.past is not None:
        past = found.past
        print(f"as of event {past.seq} of {past.newest_seq}, {past.at}")
    print_tree(found)


@with_exit_code
async def diff(
    left: Id,
    right: Annotated[str, Parameter(show_default=False, help="Id of another execution.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Show how two executions differ: each node, and where they began to go different ways."""
    async with call.session() as client:
        found = await client.history.compare(left, right)
    call.show(found, print_execution_comparison)


@with_exit_code
async def rerun(
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
    again: Again = AGAIN,
    call: Call = CALL,
) -> None:
    """Run nodes again as a new execution; outcomes that do not depend on them are taken over."""
    async with call.session() as client:
        made = await client.history.rerun(
            execution,
            from_,
            input=parse_json(input_json, "--input") if input_json else None,
            params=await again.params(client, execution),
            version=again.version_to_run(),
            tags=again.tag or (),
            debug=again.debug,
            idempotency_key=again.idempotency_key,
        )
    call.show(made, _print_made)


@with_exit_code
async def fork(
    execution: Id,
    /,
    *,
    at: Annotated[int, Parameter(help="Number of the last event that is to count.")],
    again: Again = AGAIN,
    call: Call = CALL,
) -> None:
    """Go on from a past event as a new execution: what had ended by then is taken over."""
    async with call.session() as client:
        made = await client.history.fork(
            execution,
            at,
            params=await again.params(client, execution),
            version=again.version_to_run(),
            tags=again.tag or (),
            debug=again.debug,
            idempotency_key=again.idempotency_key,
        )
    call.show(made, _print_made)


def _print_made(made: Rerun) -> None:
    again = " (made before)" if made.existing else ""
    carried = f", taken over: {', '.join(made.carried)}" if made.carried else ""
    print(f"{made.id} {made.workflow} v{made.version}{again}{carried}")
