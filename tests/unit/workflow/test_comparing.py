"""What differs between values and between versions."""

import json
from typing import Any

import pytest

from penstock.nodes import catalog
from penstock.workflow.compare.values import (
    PLACES_MAX,
    DifferenceKind,
    json_differences,
    value_differences,
)
from penstock.workflow.compare.versions import compare_versions
from penstock.workflow.compile import compile_source

ADDED, REMOVED, CHANGED = DifferenceKind


def places(left: Any, right: Any) -> list[tuple[str, DifferenceKind]]:
    return [(place.path, place.kind) for place in value_differences(left, right).places]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", CHANGED)]),
        ({"a": 1}, {"b": 1}, [("a", REMOVED), ("b", ADDED)]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [("a.b[1].c", CHANGED)]),
        ([1, 2, 3], [1, 9, 2, 3], [("[1]", ADDED)]),
        ([1, 9, 2, 3], [1, 2, 3], [("[1]", REMOVED)]),
        ([1, 2], [1, 2, 3, 4], [("[2]", ADDED), ("[3]", ADDED)]),
        ({"odd key": 1}, {"odd key": 2}, [('["odd key"]', CHANGED)]),
        (1, "1", [("", CHANGED)]),
        (True, 1, [("", CHANGED)]),
        ([True], [1], [("[0]", CHANGED)]),
        (1, 1.0, []),
        (None, {}, [("", CHANGED)]),
    ],
)
def test_each_place_that_differs_is_told_once(left, right, expected):
    assert places(left, right) == expected


def test_many_differences_are_cut():
    found = value_differences(list(range(1000)), list(range(1, 1001)))
    assert len(found.places) == PLACES_MAX
    assert found.cut


def test_deep_values_are_compared_as_wholes_below_a_depth():
    left: Any = 1
    right: Any = 2
    for _ in range(190):
        left, right = [left], [right]
    (place,) = value_differences(left, right).places
    assert place.kind is CHANGED


def test_long_texts_are_cut():
    (place,) = json_differences(b'"a"', json.dumps("b" * 5000).encode()).places
    assert len(place.right) < 500


def test_a_value_that_only_one_side_has_is_told_as_a_whole():
    (place,) = json_differences(None, b"[1]").places
    assert (place.path, place.kind, place.right) == ("", ADDED, "[1]")


FLOW = """
flow: 1
id: shop
params: {sku: {type: string}}
nodes:
  quote: {uses: http@1, with: {url: "https://x.example/${{ params.sku }}"}}
  judge: {needs: [quote], run: "return 1;"}
  tell: {needs: [judge], run: "return 2;"}
"""


def changes(**edits: str) -> Any:
    changed = FLOW
    for was, now in edits.items():
        changed = changed.replace(was, now)
    types = catalog()
    return compare_versions(compile_source(FLOW, types), compile_source(changed, types))


def test_layout_and_comments_are_no_differences():
    types = catalog()
    commented = FLOW.replace("nodes:", "# what follows are nodes\nnodes:").replace(
        '{needs: [judge], run: "return 2;"}', "\n    run: return 2;\n    needs: [judge]"
    )
    assert compare_versions(compile_source(FLOW, types), compile_source(commented, types)).same


def test_a_changed_value_is_told_by_the_keys_of_the_file():
    (node,) = changes(**{"x.example": "y.example"}).changed
    assert node.id == "quote"
    assert [place.path for place in node.differences.places] == ["with.url"]


def test_nodes_that_came_and_went_and_edges_are_told():
    found = changes(**{'  judge: {needs: [quote], run: "return 1;"}\n': "", "[judge]": "[quote]"})
    assert found.removed == ("judge",)
    (tell,) = found.changed
    assert {place.path for place in tell.differences.places} == {"needs.judge", "needs.quote"}


def test_what_is_around_the_nodes_is_told():
    found = changes(**{"{type: string}": "{type: number}", "id: shop": "id: shop\ndeadline: 5s"})
    assert {place.path for place in found.flow.places} >= {"deadline"}
    assert any(place.path.startswith("params_schema") for place in found.flow.places)
    assert not found.changed
