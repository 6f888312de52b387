"""`set@1`: evaluates its value; a value that only names an output passes through unread."""

import msgspec

from penstock.nodes.api import Done, NodeCall


async def run(call: NodeCall) -> Done:
    """Give `value`."""
    return Done(msgspec.Raw(await call.expressions.json(call.config["value"])))
