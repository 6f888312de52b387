"""Bodies: values to bytes on the way out, bytes to JSON values by content type on the way in."""

import base64
from typing import Any
from urllib.parse import urlencode

import msgspec

from penstock.nodes.api import NodeFailure
from penstock.nodes.http.exchange import Response

_TEXTUAL = ("text/", "application/xml", "application/javascript", "application/x-www-form")
_RAW = msgspec.json.Decoder(msgspec.Raw)


def scalar_text(value: Any) -> str:
    """A header's, query's or form's value as text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


def form_bytes(form: dict[str, Any]) -> bytes:
    """`application/x-www-form-urlencoded`."""
    return urlencode({name: scalar_text(value) for name, value in form.items()}).encode()


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _json(response: Response) -> Any:
    try:
        response.body.decode("utf-8")
        return _RAW.decode(response.body)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise NodeFailure(
            "permanent",
            "BAD_RESPONSE",
            f"{response.url} said JSON but sent something else: {error}",
            {"status": response.status, "body": shown(response)},
        ) from None


def _text(response: Response) -> str:
    try:
        return response.body.decode(response.charset, errors="replace")
    except LookupError:
        return response.body.decode("utf-8", errors="replace")


def read_body(response: Response, how: str = "auto") -> Any:
    """The body as a JSON value: JSON spliced unread, text as a string, bytes as `{base64}`."""
    content_type = response.headers.get("content-type", "")
    if not response.body:
        return None if how in ("auto", "json") else ""
    if how == "json" or (how == "auto" and _is_json(content_type)):
        return _json(response)
    if how == "text" or (how == "auto" and content_type.lower().startswith(_TEXTUAL)):
        return _text(response)
    if how == "auto" and not content_type:
        return _text(response)
    return {"base64": base64.b64encode(response.body).decode()}


def shown(response: Response) -> Any:
    """The body for an error's details: JSON if it is, else text, cut at 8 KiB."""
    cut = response.body[:8192]
    if _is_json(response.headers.get("content-type", "")) and len(cut) == len(response.body):
        try:
            return msgspec.json.decode(cut)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return cut.decode("utf-8", errors="replace")
