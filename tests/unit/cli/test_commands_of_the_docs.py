"""Every command that the documents show is one that the command line has, with options that it has.

Whether it does what they say is tried by other tests; this one keeps all of them up to date.
"""

import re
import shlex
from pathlib import Path

import pytest
from cyclopts import CycloptsError, MissingArgumentError

from penstock.cli.main import build_app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("services/*/README.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
]
LINE = re.compile(r"^(?:\$ )?(penstock [a-z].*)$", re.M)
INLINE = re.compile(r"`(penstock [a-z][^`]*)`")
PLACEHOLDER = re.compile(r"\.\.\.|<operation>")
ENDS = {"|", ">", "2>", "&&"}


def commands(page: Path) -> set[str]:
    text = page.read_text("utf-8")
    inline = {" ".join(found.split()) for found in INLINE.findall(text)}
    return {found for found in {*LINE.findall(text), *inline} if not PLACEHOLDER.search(found)}


def words(command: str) -> list[str]:
    """The arguments, with those in brackets, which may be left out."""
    found = shlex.split(re.sub(r"\[(-.*?)\]", r"\1", command), comments=True)[1:]
    ends = [place for place, word in enumerate(found) if word in ENDS]
    return found[: min(ends, default=len(found))]


SHOWN = {(page, command) for page in PAGES for command in commands(page)}


def test_documents_show_commands():
    assert len(SHOWN) > 100


@pytest.mark.parametrize(
    ("page", "command"),
    sorted(SHOWN),
    ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, Path) else value,
)
def test_a_command_of_a_document_is_understood(page: Path, command: str):
    try:
        build_app().parse_args(words(command), exit_on_error=False, print_error=False)
    except MissingArgumentError:
        assert f"`{command}`" in page.read_text("utf-8"), (
            "only a command that is named may lack some"
        )
    except CycloptsError as error:
        pytest.fail(f"{page.relative_to(ROOT)}: {command}: {error}")
