"""The part of the independent judge that knows what a joined output must look like."""

import json
from collections.abc import Iterator, Sequence

from penstock.workflow.execution.values import INLINE_BYTES_MAX, Payload


def join_flaws(node: int, parts: Sequence[Payload | None], output: Payload) -> Iterator[str]:
    """What is wrong with the output of a fan-out whose items gave these parts; None if one
    failed."""
    if output.digest or any(part is not None and part.digest for part in parts):
        return
    if len(output.json) > INLINE_BYTES_MAX:
        yield f"node {node} has an inline output of {len(output.json)} bytes"
    joined = json.loads(output.json)
    if len(joined) != len(parts):
        yield f"node {node} joined {len(joined)} of {len(parts)} items (I12)"
    for at, (value, part) in enumerate(zip(joined, parts, strict=False), 1):
        if part is None:
            if "error" not in value:
                yield f"item {at} of node {node} failed but its place holds no error"
        elif json.loads(part.json) != value:
            yield f"place {at} of node {node} does not hold item {at} (I12)"
