"""What callers hand in, within limits; refused with the place and what would be right.

JSON is decoded once, to be sure that everything behind can carry it: values travel on as they came
and are spliced into larger ones unread.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from penstock.common.errors import InvalidArgument

DEPTH_MAX = 200
"""Deepest nesting: parsers behind give up at 256 levels, and outputs add some."""

NAME_CHARS_MAX = 255
REASON_CHARS_MAX = 1000
TAGS_MAX = 50

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIX_JSON = "Send JSON in UTF-8, with numbers that fit a double."


def decoded(json: bytes, path: str) -> Any:
    """The value of a JSON text. Raises `InvalidArgument`."""
    try:
        value = msgspec.json.decode(json)
    except RecursionError:
        raise _too_deep(path) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"`{path}` is not JSON that can be carried: {_plainly(error)}."
        raise InvalidArgument(message, fix=_FIX_JSON, path=path) from error
    if json.count(b"[") + json.count(b"{") > DEPTH_MAX and _is_deeper(value, DEPTH_MAX):
        raise _too_deep(path)
    return value


def decoded_object(json: bytes, path: str) -> dict[str, Any]:
    """The same for an object."""
    value = decoded(json, path)
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"`{path}` is not a JSON object.", fix='Give {"name": value, ...}.', path=path
        )
    return value


def check_text(value: str, path: str, most: int = NAME_CHARS_MAX) -> None:
    """Refuse a text that is too long."""
    if len(value) > most:
        raise InvalidArgument(
            f"`{path}` has {len(value)} characters.", fix=f"Give at most {most}.", path=path
        )


def check_tags(tags: Iterable[str]) -> None:
    """Refuse labels beyond their limits."""
    given = list(tags)
    if given and (
        len(given) > TAGS_MAX
        or any(not 0 < len(tag) <= NAME_CHARS_MAX or _CONTROL.search(tag) for tag in given)
    ):
        raise InvalidArgument(
            "`tags` is not acceptable.",
            fix=f"Give at most {TAGS_MAX} tags of 1 to {NAME_CHARS_MAX} characters, none of them "
            "a control character.",
            path="tags",
        )


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
        level = inner
    return any(isinstance(one, dict | list) for one in level)


def _too_deep(path: str) -> InvalidArgument:
    return InvalidArgument(
        f"`{path}` is nested deeper than {DEPTH_MAX} levels.",
        fix="Make the structure flatter, or hand it in as a text.",
        path=path,
    )


def _plainly(error: Exception) -> str:
    return str(error).partition(" - at ")[0].rstrip(".")
