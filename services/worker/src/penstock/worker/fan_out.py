"""The list of a for-each, as the items its coordinator is told."""

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.nodes.api import NodeFailure
from penstock.worker.payloads import Payloads
from penstock.worker.scope import RunScope
from penstock.workflow.execution.join import join_array
from penstock.workflow.execution.values import INLINE_BYTES_MAX
from penstock.workflow.vocabulary import ITEMS_MAX

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


async def expand(list_json: bytes, batch: int, payloads: Payloads, scope: RunScope) -> pb.FannedOut:
    """The items of a JSON array, in chunks of `batch` if that is above 0; never parsed.

    Inline while they are small together, else one stored array. Raises NOT_A_LIST,
    FAN_OUT_TOO_WIDE.
    """
    if list_json.lstrip()[:1] != b"[":
        shown = list_json[:80].decode(errors="replace")
        raise NodeFailure("user", "NOT_A_LIST", f"for_each must give a list, got {shown}")
    items = [bytes(one) for one in _ELEMENTS.decode(list_json)]
    if batch:
        items = [join_array(items[at : at + batch]) for at in range(0, len(items), batch)]
    if len(items) > ITEMS_MAX:
        raise NodeFailure(
            "user", "FAN_OUT_TOO_WIDE", f"{len(items)} items; {ITEMS_MAX} is the limit, use batch"
        )
    if sum(map(len, items)) <= INLINE_BYTES_MAX:
        return pb.FannedOut(count=len(items), items_json=items)
    whole = join_array(items) if batch else list_json
    return pb.FannedOut(count=len(items), items=await payloads.put(whole, scope.tenant))
