"""`map@1`: one evaluation for the whole list."""

import msgspec

from penstock.nodes.api import Done, NodeCall
from penstock.nodes.lists import list_json


async def run(call: NodeCall) -> Done:
    """Give the list of what `each` makes of every element."""
    items = await list_json(call, "list")
    return Done(msgspec.Raw(await call.expressions.each(call.config["each"], items)))
