"""The guide to node types names every type with all it can be told and all it can fail with."""

import re
from pathlib import Path

import pytest

from penstock.nodes import catalog
from penstock.workflow.node_type import NodeType
from penstock.workflow.vocabulary import OUTPUT_TYPE

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/node-types.md").read_text()
SECTIONS = {
    text.split("\n", 1)[0]: text for text in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]
}
TYPES = {name: one for name, one in catalog().items() if name != OUTPUT_TYPE}
REASON = re.compile(r'"([A-Z]+(?:_[A-Z]+)+)"')
DATABASE = ROOT / "libs/nodes/src/penstock/nodes/database"


def keys(schema: object) -> set[str]:
    """Names of all settings, those of settings within settings included."""
    if isinstance(schema, list):
        return set().union(*(keys(one) for one in schema))
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties", {})
    return set(own).union(*(keys(one) for one in schema.values()), *(keys(v) for v in own.values()))


def reasons(node_type: NodeType) -> set[str]:
    """What the code in the type's own folder (and for databases, in theirs) fails with."""
    if node_type.runner == "sandbox":
        return set()
    package = node_type.runner.partition(":")[0].split(".")[2]
    folders = [DATABASE.parent / package]
    if package.startswith("db_"):
        folders.append(DATABASE)
    found = {
        reason
        for folder in folders
        for path in folder.glob("*.py")
        for reason in REASON.findall(path.read_text())
    }
    return {one for one in found if not one.startswith("SQLITE_")} - ledger(package)


def ledger(package: str) -> set[str]:
    return {"DB_LEDGER"} if package == "db_query" else set()


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_explained_with_all_its_settings(name: str):
    assert name in SECTIONS, f"write a section `## {name}` in docs/guides/node-types.md"
    said = re.findall(r"\b\w+\b", " ".join(re.findall(r"`[^`]+`|\{[^}]+\}", SECTIONS[name])))
    schema = TYPES[name].config_schema
    missing = keys(schema) - set(schema) - set(said)
    assert missing == set(), f"explain these settings in the section of {name}"


@pytest.mark.parametrize("name", TYPES)
def test_the_effects_of_every_type_are_told(name: str):
    effects = SECTIONS[name].partition("Effects:")[2]
    assert TYPES[name].effects in effects[:60], f"say `Effects:` in the section of {name}"


@pytest.mark.parametrize("name", TYPES)
def test_every_failure_of_a_type_is_told(name: str):
    section = SECTIONS[name]
    if "as `db.query@1` does" in section:
        section += SECTIONS["db.query@1"]
    missing = {one for one in reasons(TYPES[name]) if f"`{one}`" not in section}
    assert missing == set(), f"name these reasons in the section of {name}"


def test_only_types_that_exist_are_explained():
    unknown = {name for name in SECTIONS if "@" in name} - set(TYPES)
    assert unknown == set(), (
        "no such types are installed here: run `make setup`, which a type that came with a pull "
        "needs to be found; or take the sections out, if the types are gone"
    )


def test_reasons_that_the_guide_names_have_a_page():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", GUIDE))
    missing = {one for one in named if not (ROOT / "docs/errors" / f"{one}.md").exists()}
    assert missing == set()
