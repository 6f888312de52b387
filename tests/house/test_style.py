"""The house rules that no linter knows: sizes, names, one place per thing.

Each failure says the remedy.

`PYTEST_ADDOPTS=-s` shows the largest pieces, for those who look for something to split.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "libs/protocol/src/penstock/api"
OWN = sorted(
    path
    for folder in ("libs", "services")
    for path in (ROOT / folder).rglob("src/**/*.py")
    if GENERATED not in path.parents
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES = 400
CLASS_LINES = 250
FUNCTION_LINES = 60
MAIN_LINES = 60
CONFTEST_LINES = 100
DRAWERS = {"utils", "util", "helpers", "helper", "misc", "manager", "managers", "tools", "stuff"}

LONGER_FOR_A_REASON: dict[str, str] = {}
"""`path` or `path::name` of a piece that reads better in one, and why."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def spans(path: Path, kinds: tuple[type[ast.AST], ...]) -> list[tuple[str, int]]:
    """Name and number of lines of every definition of these kinds."""
    tree = ast.parse(path.read_text())
    return [
        (node.name, node.end_lineno - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]


def too_long(found: list[tuple[str, int]], limit: int) -> list[str]:
    for name, lines in sorted(found, key=lambda pair: -pair[1])[:5]:
        print(f"{lines:5} of {limit:3}  {name}")
    return [
        f"{name}: {lines} lines, at most {limit}; split it, or give the reason in {__name__}"
        for name, lines in found
        if lines > limit and name not in LONGER_FOR_A_REASON
    ]


def test_no_file_is_too_long():
    found = [(named(path), len(path.read_text().splitlines())) for path in OWN + TESTS]
    assert too_long(found, FILE_LINES) == []


def test_main_files_read_like_a_sentence():
    found = [
        (named(p), len(p.read_text().splitlines()))
        for p in OWN
        if p.name == "main.py" and "cli" not in p.parts
    ]
    assert too_long(found, MAIN_LINES) == []


def test_no_conftest_becomes_a_program():
    found = [(named(p), len(p.read_text().splitlines())) for p in TESTS if p.name == "conftest.py"]
    assert too_long(found, CONFTEST_LINES) == []


def test_no_function_is_too_long():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [(f"{named(path)}::{name}", n) for path in OWN for name, n in spans(path, kinds)]
    assert too_long(found, FUNCTION_LINES) == []


def test_no_class_is_too_long():
    found = [
        (f"{named(path)}::{name}", lines)
        for path in OWN
        for name, lines in spans(path, (ast.ClassDef,))
    ]
    assert too_long(found, CLASS_LINES) == []


@pytest.mark.parametrize("path", OWN, ids=named)
def test_every_module_says_what_it_is_for(path: Path):
    doc = ast.get_docstring(ast.parse(path.read_text())) if path.read_text().strip() else "empty"
    assert doc, f"{named(path)} has no docstring; say at its top what it is for"


def test_nothing_is_a_drawer():
    parts = {named(path): {*path.relative_to(ROOT).with_suffix("").parts} for path in OWN + TESTS}
    drawers = [f"{name}: {DRAWERS & own}" for name, own in parts.items() if DRAWERS & own]
    assert drawers == [], "name it after what it holds"


def test_the_namespace_stays_open():
    roots = [*ROOT.glob("libs/*/src/penstock"), *ROOT.glob("services/*/src/penstock")]
    assert len(roots) >= 10
    closed = [named(root / "__init__.py") for root in roots if (root / "__init__.py").exists()]
    assert closed == [], "penstock is a namespace package; delete the file"


def own_imports_inside_functions(path: Path) -> list[str]:
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            found += [
                f"{named(path)}:{node.lineno} imports {module}"
                for module in modules
                if module.startswith("penstock.")
            ]
    return found


def test_own_modules_are_imported_at_the_top():
    late = [
        line
        for path in OWN
        if "cli" not in path.parts  # the command line loads what a command needs, to start fast
        for line in own_imports_inside_functions(path)
    ]
    assert late == [], "move the import to the top, or the code to where it belongs"
