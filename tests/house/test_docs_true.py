"""What documents name exists: metrics, variables, pages, files."""

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("services/*/README.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
]
ROLES = ["coordinator", "worker", "state", "sandbox", "gateway"]
LINK = re.compile(r"\]\((?!https?:)([^)\s]*)\)")
METRIC = re.compile(rf"\bpenstock_(?:{'|'.join(ROLES)})_[a-z_]+")
VARIABLE = re.compile(rf"\bPENSTOCK_({'|'.join(ROLES).upper()})_([A-Z][A-Z_]*)\b")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Fragments that headings make, as code hosts build them."""
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def metrics_of(role: str) -> set[str]:
    """Names in the role's source; prometheus adds _total to those of counters."""
    sources = (ROOT / "services" / role / "src").rglob("*.py")
    found = set().union(*(re.findall(r'"(penstock_[a-z_]+)"', one.read_text()) for one in sources))
    return {one for one in found if one.startswith(f"penstock_{role}_")}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path):
    text = page.read_text()
    lost = []
    for link in LINK.findall(text):
        file, _, fragment = link.partition("#")
        target = page.parent / file if file else page
        is_there = target.exists()
        if is_there and fragment:
            is_there = fragment in anchors(target.read_text())
        if not is_there:
            lost.append(link)
    assert lost == [], f"{named(page)}: mend these links"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_metrics_that_are_named_exist(page: Path):
    known = set().union(*(metrics_of(role) for role in ROLES))
    told = set(METRIC.findall(page.read_text()))
    lost = {one for one in told if one not in known and one.removesuffix("_total") not in known}
    assert lost == set(), f"{named(page)}: no code has these metrics"


@pytest.mark.parametrize("role", ROLES)
def test_every_metric_is_explained(role: str):
    page = (ROOT / "services" / role / "README.md").read_text()
    short = {one: one.removeprefix(f"penstock_{role}") for one in metrics_of(role)}
    lost = {
        one
        for one, tail in short.items()
        if not any(f"`{text}" in page for text in (one, tail, f"{one}_total", f"{tail}_total"))
    }
    assert lost == set(), f"explain these in services/{role}/README.md"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_variables_that_are_named_exist(page: Path):
    lost = []
    for role, name in VARIABLE.findall(page.read_text()):
        settings = importlib.import_module(f"penstock.{role.lower()}.settings").Settings
        known = {field.name.upper() for field in fields(settings)}
        if name.removesuffix("_FILE") not in known:
            lost.append(f"PENSTOCK_{role}_{name}")
    assert lost == [], f"{named(page)}: no service has these settings"
