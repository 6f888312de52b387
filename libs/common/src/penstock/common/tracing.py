"""Trace context through every hop: W3C `traceparent` values
(https://www.w3.org/TR/trace-context/)."""

import contextvars
import re
import secrets

_SHAPE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

current_traceparent: contextvars.ContextVar[str] = contextvars.ContextVar("traceparent", default="")
"""Trace context of the request being served; empty outside of one."""


def is_traceparent(text: str) -> bool:
    """True if `text` is a version-00 traceparent."""
    return _SHAPE.fullmatch(text) is not None


def new_traceparent() -> str:
    """A fresh, unsampled trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
