"""Attempts that belong together: the key of a node's `affinity`, for one attempt of it."""

from typing import Any

import msgspec

from penstock.coordinator.limits.keys import BadKey, render
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.expressions import parse_template


def key_of(live: Live, ref: NodeRef, affinity: str) -> str | None:
    """The key, of this account alone; None if it has no value here, or reads what is stored
    elsewhere: such an attempt goes wherever there is room."""
    started = live.state.started
    if started is None or started.params.digest:
        return None
    scope: dict[str, Any] = {
        "params": msgspec.json.decode(started.params.json),
        "run": {"id": live.id},
    }
    fan_out = live.state.fan_outs.get(ref.node) if ref.item else None
    item = fan_out.inputs[ref.item - 1] if fan_out is not None and fan_out.inputs else None
    if item is not None:
        name = live.plan.nodes[ref.node].item_name
        scope["item"] = scope[name] = msgspec.json.decode(item)
    try:
        return f"{live.tenant}/{render(parse_template(affinity), scope)}"
    except BadKey:
        return None
