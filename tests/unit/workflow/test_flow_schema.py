"""The JSON Schema for editors agrees with the checker on what a schema can tell."""

import jsonschema_rs
import pytest

from penstock.workflow import vocabulary as words
from penstock.workflow.document import read_document
from penstock.workflow.issues import IssueList
from penstock.workflow.schema import flow_schema
from support.node_types import NODE_TYPES

SCHEMA = flow_schema(NODE_TYPES)


def fits(source: str) -> bool:
    document = read_document(source, IssueList())
    assert document is not None
    return bool(jsonschema_rs.Draft7Validator(SCHEMA).is_valid(document.root.data))


def flow(nodes: str, top: str = "") -> str:
    return f"flow: 1\nid: x\n{top}\nnodes: {{{nodes}}}\n"


def test_it_is_valid_draft_07():
    jsonschema_rs.meta.validate(SCHEMA)


def test_every_key_that_works_is_in_it_and_no_other():
    assert set(SCHEMA["properties"]) == set(words.FLOW_KEYS)
    assert set(SCHEMA["definitions"]["node"]["properties"]) == set(words.NODE_KEYS)


@pytest.mark.parametrize(
    "nodes",
    [
        "a: {run: x}",
        "a: {uses: fetch@1, with: {url: y, tries: '${{ 1 }}', fresh: true}}",
        "a: {uses: fetch@1, with: {url: y, headers: '${{ params.h }}'}}",
        "a: {run: x, retry: patient, timeout: 1h30m, needs: b, when: '${{ true }}'}",
        "a: {run: x, retry: {max_attempts: 3}, needs: [b, {node: c, on: always}], for_each: [1]}",
    ],
)
def test_correct_files_fit(nodes: str):
    assert fits(flow(nodes))


@pytest.mark.parametrize(
    "nodes",
    [
        "a: {}",
        "a: {run: x, nedds: []}",
        "a: {uses: fetsh@1}",
        "a: {uses: fetch@1}",
        "a: {uses: fetch@1, with: {}}",
        "a: {uses: fetch@1, with: {url: y, tries: many}}",
        "a: {run: x, timeout: soon}",
        "a: {run: x, retry: lots}",
        "a: {run: x, cache: {}}",
    ],
)
def test_wrong_files_do_not_fit(nodes: str):
    assert not fits(flow(nodes))
