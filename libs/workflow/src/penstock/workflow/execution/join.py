"""JSON made by the engine itself, spliced from bytes that are never parsed: joins, gathered
outputs, error values."""

from collections.abc import Iterable, Sequence

import msgspec

from penstock.workflow.execution.values import Failure

NULL_JSON = b"null"


def join_array(parts: Iterable[bytes]) -> bytes:
    """A JSON array of values that are JSON already."""
    return b"[" + b",".join(parts) + b"]"


def join_object(keys: Sequence[str], parts: Sequence[bytes]) -> bytes:
    """A JSON object of values that are JSON already; keys and parts run in parallel."""
    pairs = zip(keys, parts, strict=True)
    return b"{" + b",".join(msgspec.json.encode(key) + b":" + part for key, part in pairs) + b"}"


def failure_json(failure: Failure) -> bytes:
    """A failure as user code sees it: `class`, `reason`, `message`, `details` (null if there are
    none)."""
    keys = ("class", "reason", "message", "details")
    texts = (failure.error_class, failure.reason, failure.message)
    parts = [msgspec.json.encode(text) for text in texts]
    return join_object(keys, [*parts, failure.details_json or NULL_JSON])


def error_output(failure: Failure) -> bytes:
    """The output `{"error": {...}}` that stands for a node or an item that failed with `on_error:
    continue`."""
    return b'{"error":' + failure_json(failure) + b"}"
