"""The examples of the guide are correct files for the node types that ship."""

import re
from pathlib import Path

import pytest

from penstock.nodes import catalog
from penstock.workflow import vocabulary as words
from penstock.workflow.compile import check

GUIDE = (Path(__file__).resolve().parents[3] / "docs/guides/workflow-files.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.M | re.S)


@pytest.mark.parametrize("source", EXAMPLES, ids=[text.split("\n")[1] for text in EXAMPLES])
def test_an_example_is_correct(source: str):
    result = check(source, catalog())
    assert result.issues == ()
    assert result.plan is not None


@pytest.mark.parametrize("key", [*words.FLOW_KEYS, *words.NODE_KEYS])
def test_every_key_is_explained(key: str):
    assert re.search(rf"^\|[^|]*`{key}`", GUIDE, re.M), f"explain `{key}` in a table of the guide"
