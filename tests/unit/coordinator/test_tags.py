"""Labels that a caller hands in."""

import pytest

from penstock.common.errors import InvalidArgument
from penstock.coordinator.shell.starts.asked import check_tags


@pytest.mark.parametrize("tag", ["", "a\x00b", "a\nb", "\x7f", "x" * 256])
def test_a_tag_that_cannot_be_shown_is_refused(tag: str):
    with pytest.raises(InvalidArgument, match="tags"):
        check_tags(["good", tag])


def test_words_of_any_language_are_tags():
    check_tags(["two words", "größe", "顧客:acme"])
