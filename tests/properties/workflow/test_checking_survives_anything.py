"""Whatever the text, checking ends with a plan or with errors that point into the file."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.workflow import vocabulary as words
from penstock.workflow.compile import Checked, check
from support.node_types import NODE_TYPES

GOOD = """flow: 1
id: x
params: {sku: {type: string}, n: {type: integer, default: 3}}
defaults: {retry: standard, timeout: 30s}
nodes:
  a: {run: "return [1, 2]"}
  b:
    needs: [a]
    for_each: ${{ nodes.a.output }}
    run: |
      return item + params.n;
  c: {uses: fetch@1, needs: [{node: b, on: always}], with: {url: "x/${{ params.sku }}"}}
output: {v: "${{ nodes.c.output }}"}
"""


def assert_sound(source: str, result: Checked) -> None:
    errors = [issue for issue in result.issues if issue.severity == "error"]
    assert (result.plan is None) == bool(errors)
    lines = source.split("\n")
    for issue in result.issues:
        assert issue.code
        assert issue.message
        assert 0 <= issue.line <= len(lines) + 1
        if 0 < issue.line <= len(lines):
            assert issue.column <= len(lines[issue.line - 1]) + 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text(source: str):
    assert_sound(source, check(source, NODE_TYPES))


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 12),
    st.text("{}[]:,-&*!|>'\"%@`$ \n\tax1#", max_size=6),
)
def test_a_damaged_file(start: int, length: int, patch: str):
    source = GOOD[:start] + patch + GOOD[start + length :]
    assert_sound(source, check(source, NODE_TYPES))


junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["a", "b", "${{ nodes.a.output }}", "${{ x", "30s", "js@1", "fetch@1", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["node", "on", "action", "url", "max_attempts", "memory", "a"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)  # fmt: skip
nodes = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(junk, st.dictionaries(st.sampled_from(words.NODE_KEYS), junk, max_size=5)),
    max_size=3,
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(words.FLOW_KEYS), junk, max_size=5), nodes)
def test_wrong_values_under_right_keys(top: dict[str, object], own: dict[str, object]):
    source = json.dumps({"flow": 1, "id": "x", **top, "nodes": own}, ensure_ascii=False)
    assert_sound(source, check(source, NODE_TYPES))
