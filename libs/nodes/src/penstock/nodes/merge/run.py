"""`merge@1`: joins texts where it can; reads values only to merge objects."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from penstock.nodes.api import Done, NodeCall, NodeFailure
from penstock.nodes.lists import elements, list_json

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def merged_deep(left: Any, right: Any) -> Any:
    """Objects are merged key by key, all the way down; anything else is replaced by `right`."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        out = dict(left)
        for key, value in right.items():
            out[key] = merged_deep(left[key], value) if key in left else value
        return out
    return right


def _refuse(mode: str, wanted: str, text: bytes) -> NodeFailure:
    shown = text[:60].decode(errors="replace")
    return NodeFailure("user", "CANNOT_MERGE", f"mode {mode} needs {wanted}, got {shown}")


def _objects(texts: Sequence[bytes]) -> dict[str, msgspec.Raw]:
    out: dict[str, msgspec.Raw] = {}
    for text in texts:
        if text[:1] != b"{":
            raise _refuse("object", "objects", text)
        out.update(_FIELDS.decode(text))
    return out


def _deep(texts: Sequence[bytes]) -> Any:
    out: Any = {}
    for text in texts:
        if text[:1] != b"{":
            raise _refuse("deep", "objects", text)
        out = merged_deep(out, msgspec.json.decode(text))
    return out


def _concat(texts: Sequence[bytes]) -> list[msgspec.Raw]:
    out: list[msgspec.Raw] = []
    for text in texts:
        if text[:1] != b"[":
            raise _refuse("concat", "lists", text)
        out.extend(elements(text))
    return out


async def run(call: NodeCall) -> Done:
    """Give the merged value."""
    mode = call.config.get("mode", "object")
    parents = list(call.inputs.parents)
    if "values" in call.config:
        texts = [bytes(one) for one in elements(await list_json(call, "values"))]
    else:
        texts = [(await call.inputs.output_json(parent)).strip() for parent in parents]
    if mode == "object":
        return Done(_objects(texts))
    if mode == "deep":
        return Done(_deep(texts))
    if mode == "concat":
        return Done(_concat(texts))
    raws = [msgspec.Raw(text) for text in texts]
    if mode == "list":
        return Done(raws)
    if "values" in call.config:
        raise NodeFailure("user", "CANNOT_MERGE", "mode by_id takes the parents, not values")
    return Done(dict(zip(parents, raws, strict=True)))
