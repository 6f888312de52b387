"""Each file next to this one is a conversation with the core that must go as written.

Set PENSTOCK_REWRITE_SCENARIOS=1 to write down what the core says now; then read the difference.
"""

import os
from pathlib import Path

import pytest

from support.scenario import Conversation, blocks

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_conversation_goes_as_written(file: Path) -> None:
    conversation = Conversation()
    text = file.read_text()
    said = [f"{happened}\n----\n{conversation.say(happened)}" for happened, _ in blocks(text)]
    goes = "\n\n".join(said) + "\n"
    if os.environ.get("PENSTOCK_REWRITE_SCENARIOS"):
        file.write_text(goes)
    assert goes == text or os.environ.get("PENSTOCK_REWRITE_SCENARIOS")
