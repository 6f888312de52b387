"""`log@1`: one line, then the payload passes through."""

import msgspec

from penstock.nodes.api import Done, NodeCall


async def run(call: NodeCall) -> Done:
    """Write the line; give the payload."""
    message = call.config["message"]
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    call.log(call.config.get("level", "info"), text)
    return Done(msgspec.Raw(await call.inputs.payload_json()))
