"""`output@1`: an expression, or the completed parents by id; their bytes are passed on unread."""

import msgspec

from penstock.nodes.api import Done, NodeCall


async def run(call: NodeCall) -> Done:
    """Give the execution's output."""
    if call.collects or "value" not in call.config:
        gathered = {
            parent: msgspec.Raw(await call.inputs.output_json(parent))
            for parent in call.inputs.parents
        }
        return Done(gathered)
    return Done(msgspec.Raw(await call.expressions.json(call.config["value"])))
