"""`approval@1`: has the coordinator ask people and keep the node until one of them has decided."""

from typing import Any

import msgspec

from penstock.nodes.api import Ask, NodeCall, NodeFailure, Sleep
from penstock.nodes.instants import duration_us
from penstock.workflow.json_schema import BadSchema, SchemaChecker

_FORM_BYTES_MAX = 32 * 1024
_TITLE_CHARS_MAX = 255
_TEXT_CHARS_MAX = 10_000
_ASSIGNEES_MAX = 50


async def run(call: NodeCall) -> Sleep:
    """Ask; the time-out counts from now."""
    config = call.config
    timeout = config.get("timeout")
    ask = Ask(
        title=_text(config["title"], "title")[:_TITLE_CHARS_MAX],
        description=_text(config.get("description", ""), "description")[:_TEXT_CHARS_MAX],
        form_json=_form(config.get("form")),
        assignees=_assignees(config.get("assignees", ())),
        data=config.get("data"),
    )
    return Sleep(
        duration_us=0 if timeout is None else duration_us(timeout, "timeout"),
        ask=ask,
        on_timeout=config.get("on_timeout", "fail"),
    )


def _refuse(message: str) -> NodeFailure:
    return NodeFailure("user", "BAD_APPROVAL", message)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _refuse(f"{name} must be a text, got {value!r}")
    return value


def _assignees(value: Any) -> tuple[str, ...]:
    """One name or a list of them; an expression may have given anything."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) and n for n in names):
        raise _refuse(f"assignees must be names, got {value!r}")
    if len(names) > _ASSIGNEES_MAX:
        raise _refuse(f"there are {len(names)} assignees; at most {_ASSIGNEES_MAX} are possible")
    return tuple(dict.fromkeys(names))


def _form(form: Any) -> bytes:
    """The JSON Schema of the answer's data as text; empty if any data will do."""
    if form is None:
        return b""
    try:
        SchemaChecker(form)
    except BadSchema as error:
        raise _refuse(f"form is not a JSON Schema: {error} ({error.fix})") from error
    text = msgspec.json.encode(form)
    if len(text) > _FORM_BYTES_MAX:
        raise _refuse(f"form has {len(text)} bytes; at most {_FORM_BYTES_MAX} are possible")
    return text
