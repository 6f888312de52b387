"""Text to values with places; hostile files give one clear finding."""

import itertools
from typing import Any

import pytest

from penstock.workflow.document import Document, read_document
from penstock.workflow.issues import IssueList


def read(source: str) -> tuple[Document | None, IssueList]:
    issues = IssueList()
    return read_document(source, issues), issues


def data(source: str) -> Any:
    document, issues = read(source)
    assert issues.sorted() == ()
    assert document is not None
    return document.root.data


def findings(source: str) -> list[tuple[str, int, int]]:
    _, issues = read(source)
    return [(issue.code, issue.line, issue.column) for issue in issues.sorted()]


def test_plain_scalars_follow_yaml_1_2():
    source = "{on: yes, n: 0o17, x: 0x1F, t: true, e: 1e3, z: ~, d: 2026-01-02, v: 1.10, q: '1'}"
    assert data(source) == {
        "on": "yes", "n": 15, "x": 31, "t": True, "e": 1000.0, "z": None, "d": "2026-01-02",
        "v": 1.1, "q": "1",
    }  # fmt: skip


def test_json_is_read_as_it_is_with_tabs_and_escapes():
    source = '{\n\t"a": "\\ud83d\\ude00 \\/ \\u00e9",\n\t"b": [1, -2.5e-3, null]\n}'
    assert data(source) == {"a": "😀 / é", "b": [1, -0.0025, None]}


def test_numbers_as_keys_become_texts():
    assert data("{404: gone, true: x}") == {"404": "gone", "true": "x"}


def test_aliases_repeat_a_value():
    assert data("a: &x {k: [1]}\nb: *x\n") == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_every_key_and_value_knows_its_place():
    document, _ = read("a: 1\nb:\n  - x\n  - {c: d}\n")
    assert document is not None
    root = document.root
    assert root.keys == {"a": (1, 1), "b": (2, 1)}
    assert root.items is not None
    second = (root.items["b"].elements or [])[1]
    assert (second.line, second.column) == (4, 5)
    assert second.keys == {"c": (4, 6)}


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("a: abcdef\n", 3, (1, 7)),
        ("a: 'ab''cd'\n", 3, (1, 9)),
        ('a: "x\\n\\u00e9y"\n', 3, (1, 14)),
        ("a: |\n  one\n  two\n", 5, (3, 4)),
        ("a: |\n\n    one\n      two\n", 7, (4, 7)),
        ("a: |2\n    x\n   y\n", 2, (2, 5)),
        ("a: >\n  folded\n  text\n", 9, (3, 5)),
        ("a: >\n  one\n\n  two\n", 4, (4, 3)),
        ("a: one\n  two three\n", 8, (2, 7)),
        ("a: 'one\n  t''wo x'\n", 8, (2, 8)),
        ('a: "one \\\n  t\\two x"\n', 8, (2, 8)),
        ("a: &x !!str 'abc'\n", 1, (1, 15)),
        ("a: abc # no\n", 3, (1, 7)),
        ("# é 😀\r\na: 'é😀 x'\r\n", 3, (2, 8)),
    ],
)
def test_offsets_in_texts_are_found_in_the_file(text: str, offset: int, place: tuple[int, int]):
    document, _ = read(text)
    assert document is not None
    assert document.root.items is not None
    found = document.place_in(document.root.items["a"], offset, "a")
    assert (found.line, found.column) == place


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("", "EMPTY_FILE", 1, 1),
        ("# only a comment\n", "EMPTY_FILE", 1, 1),
        ("- a\n- b\n", "BAD_ROOT", 1, 1),
        ("just text", "BAD_ROOT", 1, 1),
        ("a: 1\nb: 2\na: 3\n", "DUPLICATE_KEY", 3, 1),
        ("a: 1\n\tb: 2\n", "BAD_YAML", 2, 1),
        ("a: [1, 2\nb: 3\n", "BAD_YAML", 2, 2),
        ("a: b: c\n", "BAD_YAML", 1, 5),
        ("a: 'x\n", "BAD_YAML", 2, 1),
        ("a: x\x00y\n", "BAD_CHARACTER", 1, 5),
        ("a: \ud800\n", "BAD_CHARACTER", 1, 4),
        ("a: &x [*x]\n", "RECURSIVE_ALIAS", 1, 8),
        ("a: *nothing\n", "UNKNOWN_ALIAS", 1, 4),
        ("a: 1\n---\nb: 2\n", "SECOND_DOCUMENT", 2, 1),
        ("%YAML 1.1\n---\na: 1\n", "BAD_YAML", 1, 1),
        ("a: !secret x\n", "BAD_TAG", 1, 4),
        ("a: !!binary aGk=\n", "BAD_TAG", 1, 4),
        ("a: .inf\n", "BAD_NUMBER", 1, 4),
        ("a: 1e999\n", "BAD_NUMBER", 1, 4),
        ("a: 123456789012345678901234567890\n", "BAD_NUMBER", 1, 4),
        ("? [a, b]\n: 1\n", "BAD_KEY", 1, 3),
    ],
)
def test_what_is_wrong_has_a_place(source: str, code: str, line: int, column: int):
    assert findings(source) == [(code, line, column)]


def test_a_file_above_a_megabyte_is_refused_unread():
    assert findings("a: " + "é" * 600_000)[0][0] == "FILE_TOO_LARGE"


def test_deep_nesting_is_refused_early():
    assert findings("a: " + "[" * 100_000) == [("TOO_DEEP", 1, 67)]


def test_aliases_that_explode_are_refused():
    letters = "abcdefghijkl"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
        for before, name in itertools.pairwise(letters)
    ]
    assert [code for code, *_ in findings("\n".join(lines))] == ["TOO_MANY_ALIASES"]
