"""Which server a command talks to."""

from pathlib import Path

import pytest

from penstock.cli.problems import BadInput
from penstock.cli.session import find_target


@pytest.mark.parametrize("text", ["foo", "localhost:8080", "http://", "ftp://host"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(BadInput, match="is no address"):
        find_target(text, Path())


def test_an_address_is_taken_as_it_is():
    target = find_target("https://penstock.example.com", Path())
    assert target is not None
    assert target.url == "https://penstock.example.com"
