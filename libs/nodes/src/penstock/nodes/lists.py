"""Lists in a node's configuration, checked without reading their elements."""

import msgspec

from penstock.nodes.api import NodeCall, NodeFailure

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


async def list_json(call: NodeCall, name: str) -> bytes:
    """Field `name` evaluated, as the JSON text of an array. Raises NOT_A_LIST."""
    text = await call.expressions.json(call.config[name])
    if text.lstrip()[:1] != b"[":
        shown = text[:80].decode(errors="replace")
        raise NodeFailure("user", "NOT_A_LIST", f"{name} must be a list, got {shown}")
    return text


def elements(array_json: bytes) -> list[msgspec.Raw]:
    """The elements of a JSON array, each as its own text."""
    return _ELEMENTS.decode(array_json)
