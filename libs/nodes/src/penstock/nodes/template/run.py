"""`template@1`: fills in one pass; what is filled in is never read again as a template."""

import html
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.nodes.api import Done, NodeCall, NodeFailure
from penstock.workflow.expressions import Expression, parse_template, to_text

_PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PATH = re.compile(r"[\w$-]+(?:\.[\w$-]+)*")


def look_up(values: Any, path: str) -> Any:
    """The value at a dotted path; None if some part of it is missing. Raises BAD_TEMPLATE."""
    if not _PATH.fullmatch(path):
        raise NodeFailure("user", "BAD_TEMPLATE", f"{{{{ {path} }}}} is not a dotted path")
    for part in path.split("."):
        if isinstance(values, Mapping):
            values = values.get(part)
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        else:
            return None
    return values


async def _values(call: NodeCall) -> Any:
    if "values" in call.config:
        return call.config["values"]
    return msgspec.json.decode(await call.inputs.payload_json())


async def run(call: NodeCall) -> Done:
    """Give the text with every place filled in."""
    template = parse_template(call.config["text"])
    sources = [f"${{{{ {expression.source} }}}}" for expression in template.expressions]
    found = iter(await call.expressions.value(sources) if sources else ())
    has_paths = any(isinstance(part, str) and _PLACE.search(part) for part in template.parts)
    values = await _values(call) if has_paths else None
    to_html = call.config.get("escape") == "html"

    def shown(value: Any) -> str:
        text = to_text(value)
        return html.escape(text) if to_html else text

    return Done(
        "".join(
            shown(next(found))
            if isinstance(part, Expression)
            else _PLACE.sub(lambda place: shown(look_up(values, place[1])), part)
            for part in template.parts
        )
    )
