"""What requests hold: account, query, body. Everything wrong is told with its place and a remedy.
Pure but for reading.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, WebSocket
from litestar.exceptions import ClientException
from msgspec import Raw, UnsetType

from penstock.common.errors import InvalidArgument, PayloadTooLarge
from penstock.common.rpc.server import DEFAULT_TENANT
from penstock.gateway.http.errors import UnsupportedMediaType
from penstock.gateway.http.misfits import malformed, place_of

Body = TypeVar("Body", bound=msgspec.Struct)
AnyRequest = Request[Any, Any, Any]
Connection = AnyRequest | WebSocket[Any, Any, Any]

PARAMS_BYTES_MAX = 1024 * 1024
"""Largest parameters, trigger data or signal: the workers' inputs must stay cheap to hand around.
"""

SOURCE_BYTES_MAX = 1024 * 1024
"""Largest workflow file."""

BODY_BYTES_MAX = 2 * PARAMS_BYTES_MAX + 64 * 1024
"""Largest body of any request: parameters and trigger data together, and what is around them."""

WAIT_S_MAX = 300.0
"""Longest `?wait=`: proxies and clients give up on longer ones."""

PAGE_SIZE_MAX = 500
PAGE_SIZE = 50
KEY_CHARS_MAX = 255
SEQ_MAX = 2**53
NAME_CHARS_MAX = 255
ITEMS_MAX = 2**31
"""More items than any node can have; what it has is checked by whoever knows."""

TAGS_MAX = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|)", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_JSON_TYPES = frozenset({"application/json", "text/json", ""})
_FILE_TYPES = frozenset({"application/json", "application/yaml", "application/x-yaml", ""})


def tenant_of(connection: Connection) -> str:
    """The account a request is made for. The one place that decides it."""
    return DEFAULT_TENANT


def query_of(connection: Connection, known: Collection[str] = ()) -> Mapping[str, str]:
    """Query parameters; refuses unknown and repeated ones, for a misspelt one would be ignored
    otherwise.
    """
    raw = connection.scope["query_string"]
    if not raw:
        return {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            listed = ", ".join(sorted(known)) or "none"
            fix = f"Did you mean {near[0]}?" if near else f"Known here: {listed}."
            raise InvalidArgument(
                f"There is no query parameter {name!r} here.", fix=fix, path=f"query.{name}"
            )
        if name in values:
            raise InvalidArgument(
                f"The query parameter {name!r} is given twice.",
                fix="Give it once.",
                path=f"query.{name}",
            )
        values[name] = value
    return values


def whole_number(text: str | None, place: str, default: int, limit: int, *, least: int = 0) -> int:
    """A number from `least` to `limit`."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= limit:
        raise InvalidArgument(
            f"{text[:40]!r} is not acceptable as {place}.",
            fix=f"Give a whole number from {least} to {limit}.",
            path=f"query.{place}",
        )
    return int(text)


def event_number(text: str) -> int:
    """The number of an event of an execution's history, from 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:20]) <= SEQ_MAX:
        raise InvalidArgument(
            f"There is no event {text[:40]!r}.",
            fix="Events count from 1, which is the start.",
            path="query.at_seq",
        )
    return int(text)


def page_size(text: str | None) -> int:
    """The `limit` of a list."""
    return whole_number(text, "limit", PAGE_SIZE, PAGE_SIZE_MAX, least=1)


def wait_seconds(text: str | None) -> float | None:
    """Seconds of `?wait=` such as 30s, 500ms or 2m, cut at the longest; None without it."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(
            f"{text[:40]!r} is not a duration.",
            fix="Write it as 30s, 500ms or 2m.",
            path="query.wait",
        )
    return min(float(found[1]) * _UNITS[found[2]], WAIT_S_MAX)


def instant_of(text: str, place: str) -> int:
    """Microseconds since the Unix epoch of an instant of RFC 3339; a `+` of its offset may have
    become a space on the way."""
    try:
        when = datetime.fromisoformat(text.strip().replace(" ", "+", 1))
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise InvalidArgument(
            f"{text[:40]!r} is not an instant.",
            fix="Write it as 2026-01-31T12:00:00Z, with its offset.",
            path=f"query.{place}",
        )
    return round((when - _EPOCH).total_seconds() * 1_000_000)


def item_number(item: int | None) -> int:
    """How contracts name the item `item` of a fan-out, which people count from 0; 0, which is the
    node itself, without one."""
    if item is None:
        return 0
    if not 0 <= item < ITEMS_MAX:
        raise InvalidArgument(
            f"There is no item {item}.",
            fix="Items count from 0. Leave `item` out to name the node itself.",
            path="item",
        )
    return item + 1


def digest_of(text: str) -> str:
    """A well-formed payload digest."""
    if _DIGEST.fullmatch(text) is None:
        raise InvalidArgument(
            f"{text[:80]!r} is not a payload digest.",
            fix="Take the 64 characters of `$ref` from an output.",
            path="path.digest",
        )
    return text


def idempotency_key_of(request: AnyRequest) -> str:
    """The `Idempotency-Key` header; empty without one."""
    key: str = request.headers.get("idempotency-key", "")
    if len(key) > KEY_CHARS_MAX or not key.isprintable():
        raise InvalidArgument(
            "The idempotency key is not acceptable.",
            fix=f"Give at most {KEY_CHARS_MAX} printable characters.",
            path="header.Idempotency-Key",
        )
    return key


def _media_type(request: AnyRequest) -> str:
    kind: str = request.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


async def _read(request: AnyRequest) -> bytes:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise UnsupportedMediaType(
            f"Bodies in content-encoding {encoding[:40]!r} are not read here.",
            fix="Send the body uncompressed.",
            path="header.Content-Encoding",
        )
    try:
        return await request.body()
    except ClientException as fault:
        if fault.status_code == 413:
            raise PayloadTooLarge(
                f"The body is larger than {BODY_BYTES_MAX} bytes.",
                fix="Send less, or send a reference to where the data is.",
            ) from None
        raise


async def json_body(request: AnyRequest, decoder: msgspec.json.Decoder[Body], empty: Body) -> Body:
    """The decoded body; `empty` if there is none."""
    body = await _read(request)
    if not body:
        return empty
    kind = _media_type(request)
    if kind not in _JSON_TYPES and not kind.endswith("+json"):
        raise UnsupportedMediaType(
            f"A body of type {kind[:80]!r} is not understood here.",
            fix="Send JSON as application/json.",
            path="header.Content-Type",
        )
    try:
        if not body.isascii():
            body.decode()  # values of users are handed on unread
        return decoder.decode(body)
    except RecursionError:
        raise InvalidArgument(
            "The body is nested too deeply.", fix="Make its structure flatter.", path="body"
        ) from None
    except msgspec.DecodeError as fault:
        raise malformed(body, fault, type(empty)) from None
    except UnicodeDecodeError as fault:
        line, column = place_of(body, fault.start)
        raise InvalidArgument(
            "The body is not UTF-8.",
            fix="Encode it as UTF-8.",
            line=line,
            column=column,
            path="body",
        ) from None


async def file_body(request: AnyRequest) -> str:
    """The text of a workflow file."""
    body = await _read(request)
    if not body.strip():
        raise InvalidArgument(
            "The request has no body.", fix="Send the workflow file as the body.", path="body"
        )
    kind = _media_type(request)
    if kind not in _FILE_TYPES and not kind.startswith("text/"):
        raise UnsupportedMediaType(
            f"A workflow file of type {kind[:80]!r} is not understood.",
            fix="Send application/yaml, application/json or text/*.",
            path="header.Content-Type",
        )
    if len(body) > SOURCE_BYTES_MAX:
        raise PayloadTooLarge(
            f"The file has {len(body)} bytes, {SOURCE_BYTES_MAX} are allowed.",
            fix="Split the workflow, or move large data out of the file.",
        )
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line, column = place_of(body, fault.start)
        raise InvalidArgument(
            "The file is not UTF-8.", fix="Save it as UTF-8.", line=line, column=column, path="body"
        ) from None


def user_value(value: Raw | UnsetType, place: str) -> bytes:
    """JSON text of a value to hand on; empty if it was not given."""
    if isinstance(value, UnsetType):
        return b""
    text = bytes(value)
    if len(text) > PARAMS_BYTES_MAX:
        raise PayloadTooLarge(
            f"`{place}` has {len(text)} bytes, {PARAMS_BYTES_MAX} are allowed.",
            fix="Store large data elsewhere and hand in where it is.",
            path=place,
        )
    return text


def params_value(value: Raw | UnsetType) -> bytes:
    """JSON text of `params`; empty if they were not given or null."""
    text = user_value(value, "params")
    if text and text != b"null" and text[:1] != b"{":
        raise InvalidArgument(
            "`params` is not an object.", fix='Give {"name": value, ...}.', path="params"
        )
    return b"" if text == b"null" else text


def checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Labels within their limits."""
    if len(tags) > TAGS_MAX or any(not tag or len(tag) > NAME_CHARS_MAX for tag in tags):
        raise InvalidArgument(
            "`tags` is not acceptable.",
            fix=f"Give at most {TAGS_MAX} tags of 1 to {NAME_CHARS_MAX} characters.",
            path="tags",
        )
    return tags
