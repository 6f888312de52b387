"""`penstock node ...`: one node of an execution, and what people do to those that run."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import At, By, Id, Reason
from penstock.cli.output import print_value
from penstock.cli.params import parse_json
from penstock.cli.problems import with_exit_code
from penstock.cli.results import open_value
from penstock.cli.texts import node_text
from penstock.sdk.interventions import Intervened, Intervention, Operation
from penstock.sdk.models import NodeState

app = App(
    name="node",
    help="Show a node; retry, skip, complete or fail it by hand, or give it another input.",
    help_format="plaintext",
)

Node = Annotated[str, Parameter(show_default=False, help="Id of one of its nodes.")]
Item = Annotated[int | None, Parameter(show_default=False, help="An item of its for-each, from 0.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """The options of all that people do to a node: at which item, why, and who does it."""

    item: Item = None
    reason: Reason = ""
    by: By = ""

    def to_do(self, operation: Operation, **given: Any) -> Intervention:
        """An operation with what it takes."""
        return Intervention(
            operation=operation, item=self.item, by=self.by, reason=self.reason, **given
        )


HAND = Hand()


@app.command
@with_exit_code
async def show(execution: Id, node: Node, /, *, at: At = "", call: Call = CALL) -> None:
    """Show a node with its output, however large the execution is; as a table the output alone."""
    async with call.session() as client:
        if not at:
            found = await client.get_node(execution, node)
        elif at.isascii() and at.isdigit():
            found = await client.history.node_at(execution, node, seq=int(at))
        else:
            found = await client.history.node_at(execution, node, at=at)
        value = await open_value(client, found.output)
    call.show(msgspec.structs.replace(found, output=value), _print_output)


def _print_output(found: NodeState) -> None:
    print_value(found.output, "json")


@app.command
@with_exit_code
async def retry(execution: Id, node: Node, /, *, hand: Hand = HAND, call: Call = CALL) -> None:
    """Try again now, also out of a back-off or a wait; its failures are counted from new."""
    await _intervene(execution, node, hand.to_do("retry"), call)


@app.command
@with_exit_code
async def skip(execution: Id, node: Node, /, *, hand: Hand = HAND, call: Call = CALL) -> None:
    """Do not run it, nor what hangs on it alone; a skipped item counts as completed with null."""
    await _intervene(execution, node, hand.to_do("skip"), call)


@app.command
@with_exit_code
async def complete(
    execution: Id,
    node: Node,
    /,
    *,
    value: Annotated[
        str, Parameter(name="--value", show_default=False, help="Its output as JSON; else null.")
    ] = "",
    choose: Annotated[
        list[str] | None,
        Parameter(negative="", help="A branch that it chooses; may be repeated."),
    ] = None,
    hand: Hand = HAND,
    call: Call = CALL,
) -> None:
    """End it well, with an output that you give."""
    output = {"output": parse_json(value, "--value")} if value else {}
    await _intervene(execution, node, hand.to_do("complete", chosen=choose, **output), call)


@app.command
@with_exit_code
async def fail(
    execution: Id,
    node: Node,
    /,
    *,
    message: Annotated[str, Parameter(show_default=False, help="What went wrong.")] = "",
    hand: Hand = HAND,
    call: Call = CALL,
) -> None:
    """Fail it for good, without a retry; `on_error` and error branches apply."""
    await _intervene(execution, node, hand.to_do("fail", message=message), call)


@app.command
@with_exit_code
async def edit(
    execution: Id,
    node: Node,
    /,
    *,
    input_json: Annotated[
        str,
        Parameter(
            name="--input",
            show_default=False,
            help="The new input as JSON, keyed by parent; of an item its value.",
        ),
    ],
    hand: Hand = HAND,
    call: Call = CALL,
) -> None:
    """Give it another input; if it has begun, it tries again with that now."""
    given = parse_json(input_json, "--input")
    await _intervene(execution, node, hand.to_do("edit", input=given), call)


async def _intervene(execution: str, node: str, wanted: Intervention, call: Call) -> None:
    async with call.session() as client:
        now = await client.interventions.intervene(execution, node, wanted)
    call.show(now, _print_status)


def _print_status(now: Intervened) -> None:
    print(f"{now.id} {node_text(now.node, now.item)} {now.status}")
