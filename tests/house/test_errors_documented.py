"""Every failure reason and every code of validation that users can meet has its explanation.

What users can meet is read from the source: texts in UPPER_SNAKE where failures are made. A text
that is no reason is named below, with what it is.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.common.errors import classes_by_reason

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/errors"
UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
QUOTED = re.compile(r"""['"`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)['"`]""")
FAILURES = re.compile(r"\b(Failure|NodeFailure|reason)\b")
FAILURE_TYPES = {"Failure", "NodeFailure"}
SAYS = {"error", "warning", "info", "_tell", "Issue"}

SQLITE = ("BUSY", "CANTOPEN", "FULL", "INTERRUPT", "IOERR", "LOCKED", "NOTADB", "READONLY")

NO_REASONS = {
    **{f"SQLITE_{one}": "a name of SQLite" for one in SQLITE},
    "SC_PAGE_SIZE": "a name of sysconf",
    "LC_ALL": "a variable of the environment",
    "EXECUTION_STARTED": "a type of live events",
    "EXECUTION_COMPLETED": "a type of live events",
    "NODE_STATE_CHANGED": "a type of live events",
    "DATA_AVAILABLE": "a type of live events",
    "ERROR_OCCURRED": "a type of live events",
    "TIMED_OUT": "a status of executions",
    "FAILURE_FLOW": "a kind of refused starts",
    "RETRY_HOOK": "a kind of refused starts",
    "SUB_WORKFLOW": "a kind of refused starts",
}


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(ROOT.glob("*/*/src/**/*.py")):
        if "/penstock/api/" not in path.as_posix():
            yield path, path.read_text()


def texts(tree: ast.AST) -> set[str]:
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {one for one in found if isinstance(one, str) and UPPER_SNAKE.fullmatch(one)}


def is_validation(path: Path) -> bool:
    library = ROOT / "libs/workflow/src/penstock/workflow"
    return path.parent in (library, library / "search", library / "schedules")


def reasons() -> set[str]:
    found = set(classes_by_reason())
    for path, source in modules():
        if not is_validation(path) and FAILURES.search(source):
            found |= texts(ast.parse(source))
            found |= set(exact_reasons(source))
    for path in ROOT.glob("services/sandbox/src/**/runtime/*.js"):
        found |= set(QUOTED.findall(path.read_text()))
    return {one for one in found if not one.startswith("PENSTOCK_")} - set(NO_REASONS)


def exact_reasons(source: str) -> Iterator[str]:
    """Reasons of one word, where failures are constructed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
            "Failure",
            "NodeFailure",
        ):
            second = node.args[1] if len(node.args) > 1 else None
            if isinstance(second, ast.Constant):
                yield str(second.value)


def issue_codes() -> set[str]:
    """Codes of one word count where findings are told, others wherever validation has them."""
    found: set[str] = set()
    for path, source in modules():
        if not is_validation(path):
            continue
        tree = ast.parse(source)
        found |= texts(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                first = node.args[0]
                if name in SAYS and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_reason_has_its_page(reason: str):
    page = PAGES / f"{reason}.md"
    assert page.exists(), (
        f"write docs/errors/{reason}.md (`# {reason}`, what it means, `## Cause`, `## Fix`), or "
        "name it in NO_REASONS of this test if users never meet it as a reason"
    )
    text = page.read_text()
    for wanted in (rf"^# {reason}\n\n\S", r"^## Cause\n\n\S", r"^## Fix\n\n\S"):
        assert re.search(wanted, text, re.M), f"{page.name} lacks what {wanted!r} describes"


@pytest.mark.parametrize("code", sorted(issue_codes()))
def test_every_code_of_validation_is_in_the_table(code: str):
    table = (PAGES / "validation.md").read_text()
    row = re.search(rf"^\| `{code}` \| \S.* \| \S.* \|$", table, re.M)
    assert row, f"add a row `| `{code}` | meaning | fix |` to docs/errors/validation.md"


@pytest.mark.parametrize("reason", sorted(classes_by_reason()))
def test_the_page_of_an_answer_tells_its_status(reason: str):
    found = classes_by_reason()[reason]
    again = "may help" if found.retryable else "does not help"
    told = f"HTTP {found.http_status}, gRPC {found.grpc_code.name}, a repeat {again}."
    assert told in (PAGES / f"{reason}.md").read_text(), f"say {told!r} in docs/errors/{reason}.md"


def test_the_gateway_has_the_pages():
    generate = ROOT / "services/gateway/generate_pages.py"
    done = subprocess.run([sys.executable, generate, "--check"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()


def test_no_page_explains_what_cannot_happen():
    pages = {page.stem for page in PAGES.glob("*.md")} - {"validation", "README"}
    left = pages - reasons()
    assert left == set(), "remove the pages of reasons that no code has any more"


def test_no_row_explains_a_code_that_is_gone():
    table = (PAGES / "validation.md").read_text()
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.M))
    assert rows == issue_codes()
