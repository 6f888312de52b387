"""The examples of the guides are correct files for the node types that ship."""

import re
from pathlib import Path

import pytest

from penstock.nodes import catalog
from penstock.workflow import vocabulary as words
from penstock.workflow.compile import check

GUIDES = Path(__file__).resolve().parents[3] / "docs/guides"
GUIDE = (GUIDES / "workflow-files.md").read_text()
EXAMPLES = {
    f"{page.stem}: {text.splitlines()[1]}": text
    for page in sorted(GUIDES.glob("*.md"))
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)
}


@pytest.mark.parametrize("source", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_an_example_is_correct(source: str):
    result = check(source, catalog())
    assert result.issues == ()
    assert result.plan is not None


@pytest.mark.parametrize("key", [*words.FLOW_KEYS, *words.NODE_KEYS])
def test_every_key_is_explained(key: str):
    assert re.search(rf"^\|[^|]*`{key}`", GUIDE, re.M), f"explain `{key}` in a table of the guide"
