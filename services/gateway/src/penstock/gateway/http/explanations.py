"""The pages of docs/errors as HTML: what a problem's or a failure's reason means.

`pages/errors.json` holds them (`services/gateway/generate_pages.py` makes it). Of Markdown they use
headings, paragraphs, tables, code in backquotes and links, and so does this.
"""

import re
from html import escape
from importlib.resources import files

import msgspec

from penstock.gateway import pages

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\(([\w./-]+)\)")
_SENTENCE = re.compile(r".*?\.(?=\s|$)", re.DOTALL)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}"
)


def _link(found: re.Match[str]) -> str:
    text, target = found.groups()
    if "/" in target or not target.endswith(".md"):
        return text
    return f'<a href="/errors/{target.removesuffix(".md")}">{text}</a>'


def _inline(text: str) -> str:
    return _LINK.sub(_link, _CODE.sub(r"<code>\1</code>", escape(text)))


def _table(block: str) -> str:
    rows = [line.strip("|").split(" | ") for line in block.splitlines()]
    cells = [
        "".join(f"<{tag}>{_inline(one.strip())}</{tag}>" for one in row)
        for row, tag in [(rows[0], "th"), *((row, "td") for row in rows[2:])]
    ]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _block(block: str) -> str:
    if block.startswith("|"):
        return _table(block)
    marks, _, title = block.partition(" ")
    if marks in ("#", "##"):
        return f"<h{len(marks)}>{_inline(title)}</h{len(marks)}>"
    return f"<p>{_inline(block)}</p>"


def _texts() -> dict[str, str]:
    source = files(pages).joinpath("errors.json").read_bytes()
    return msgspec.json.decode(source, type=dict[str, str])


def _page(title: str, body: str) -> str:
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en>{head}{body}"


def explanation(reason: str) -> str | None:
    """The page about a reason; None if there is none."""
    text = _texts().get(reason)
    if text is None:
        return None
    return _page(reason, "".join(_block(one) for one in text.strip().split("\n\n")))


def index_of_explanations() -> str:
    """A page with every reason and the beginning of what it means."""
    rows = []
    for reason, text in sorted(_texts().items(), key=lambda item: (item[0].islower(), item[0])):
        first = _SENTENCE.match(text.split("\n\n", 2)[1])
        meaning = _inline(first[0] if first else "")
        link = f'<a href="/errors/{escape(reason)}">{escape(reason)}</a>'
        rows.append(f"<tr><td>{link}</td><td>{meaning}</td></tr>")
    return _page("Reasons", f"<h1>Reasons</h1><table>{''.join(rows)}</table>")
