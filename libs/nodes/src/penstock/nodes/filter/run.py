"""`filter@1`: one evaluation for the whole list; the elements themselves are never read here."""

from itertools import compress

import msgspec

from penstock.nodes.api import Done, NodeCall
from penstock.nodes.lists import elements, list_json
from penstock.workflow.expressions.javascript_values import is_truthy


async def run(call: NodeCall) -> Done:
    """Give the elements for which `where` holds, in order."""
    items = await list_json(call, "list")
    verdicts = await call.expressions.each(call.config["where"], items)
    holds = [is_truthy(verdict) for verdict in msgspec.json.decode(verdicts)]
    return Done(list(compress(elements(items), holds)))
