"""`switch@1`: evaluates the conditions in order and says which actions were chosen."""

import msgspec

from penstock.nodes.api import Done, NodeCall


async def run(call: NodeCall) -> Done:
    """Choose; pass the payload on."""
    config = call.config
    cases = config["cases"]
    first_only = config.get("match", "first") == "first"
    places = await call.expressions.matches([case["when"] for case in cases], first_only=first_only)
    chosen = dict.fromkeys(cases[place]["action"] for place in places)
    if not chosen and "default" in config:
        chosen[config["default"]] = None
    if "value" in config:
        output = await call.expressions.json(config["value"])
    else:
        output = await call.inputs.payload_json()
    return Done(msgspec.Raw(output), chosen=tuple(chosen))
