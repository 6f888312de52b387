"""`delay@1`: asks the coordinator for a durable timer."""

import msgspec

from penstock.nodes.api import NodeCall, Sleep
from penstock.nodes.instants import duration_us, instant_us


async def run(call: NodeCall) -> Sleep:
    """Sleep; then the output is `value` or the payload."""
    config = call.config
    if "value" in config:
        output = await call.expressions.json(config["value"])
    else:
        output = await call.inputs.payload_json()
    if "until" in config:
        until = instant_us(config["until"], "until")
        return Sleep(until_unix_us=until, output=msgspec.Raw(output))
    return Sleep(
        duration_us=duration_us(config["duration"], "duration"), output=msgspec.Raw(output)
    )
