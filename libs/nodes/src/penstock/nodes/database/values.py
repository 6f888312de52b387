"""Database values as JSON and back.

Integers beyond 2^53 become strings, since JavaScript would round them; decimals are JSON numbers
with all their digits; dates and times ISO 8601 text; bytes `{"base64": ...}`; json columns are
spliced unread.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from penstock.nodes.database.failures import bad_argument

SAFE_INTEGER = 2**53 - 1
_AS_THEY_ARE = frozenset(
    {str, bool, float, type(None), datetime, date, time, timedelta, UUID, msgspec.Raw}
)
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def to_json(value: Any) -> Any:
    """What `encode_rows` can write for a value from a database."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int:
        return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)
    if kind is Decimal:
        return value if value.is_finite() else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    return str(value)


def encode(value: Any) -> msgspec.Raw:
    """JSON text of values made by `to_json`."""
    return msgspec.Raw(_ENCODER.encode(value))


def bytes_of(value: Any) -> bytes:
    """Bytes from `{"base64": ...}` or text."""
    if isinstance(value, Mapping) and isinstance(value.get("base64"), str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error:
            raise bad_argument("base64 of an argument cannot be read") from None
    if isinstance(value, str):
        return value.encode()
    raise bad_argument('bytes are given as {"base64": "..."}')
