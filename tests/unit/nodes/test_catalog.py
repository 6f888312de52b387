"""The catalog and third-party node types."""

import sys

import pytest

from penstock.nodes import BadNodeType, catalog
from penstock.worker.program import load_runner

PLUGIN = """
from penstock.nodes.api import Done
from penstock.workflow.node_type import NodeType

SHOUT = NodeType("shout", 1, "Shout", "Loud.", {"type": "object"}, "shouting:run")

async def run(call):
    return Done(str(call.config["text"]).upper())
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a package with one entry point, as pip would."""

    def install(entry_points, source=PLUGIN):
        (tmp_path / "shouting.py").write_text(source)
        info = tmp_path / "shouting-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[penstock.nodes]\n{entry_points}\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("shouting", None)


def test_all_own_types_are_there():
    assert set(catalog()) == {
        "approval@1", "csv.read@1", "db.exec@1", "db.query@1", "delay@1", "filter@1", "http@1",
        "js@1", "log@1", "map@1", "merge@1", "output@1", "set@1", "switch@1", "template@1",
        "wait@1", "workflow@1",
    }  # fmt: skip


def test_every_runner_can_be_imported():
    for node_type in catalog().values():
        if node_type.name != "js@1":
            assert callable(load_runner(node_type.runner))


def test_a_third_party_type_comes_in_by_its_entry_point(plugin):
    plugin("shout = shouting:SHOUT")
    assert catalog()["shout@1"].title == "Shout"


def test_an_entry_point_may_offer_several_types(plugin):
    plugin("shout = shouting:ALL", PLUGIN + "ALL = [SHOUT]\n")
    assert "shout@1" in catalog()


def test_an_entry_point_that_is_no_type_is_told(plugin):
    plugin("shout = shouting:run")
    with pytest.raises(BadNodeType, match="shouting:run"):
        catalog()


def test_an_entry_point_that_cannot_be_imported_is_told(plugin):
    plugin("shout = shouting:MISSING")
    with pytest.raises(BadNodeType, match="shout"):
        catalog()


def test_two_packages_cannot_offer_the_same_name(plugin):
    plugin("mine = shouting:SHOUT", PLUGIN.replace('"shout", 1', '"http", 1'))
    with pytest.raises(BadNodeType, match="http@1"):
        catalog()
