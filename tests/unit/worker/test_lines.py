"""Log lines of an attempt are bounded in number and in bytes, and what is left out is said."""

import pytest

from penstock.worker.lines import LINE_BYTES_MAX, LINES_BYTES_MAX, LINES_MAX, Lines


def kept_of(messages):
    lines = Lines()
    for message in messages:
        lines.add(1, "info", message)
    return lines.kept


def test_few_short_lines_are_kept_as_they_are():
    assert [line.message for line in kept_of(["a", "é"])] == ["a", "é"]


def test_after_so_many_lines_a_word_says_that_there_were_more():
    kept = kept_of(str(number) for number in range(LINES_MAX + 50))
    assert [line.message for line in kept[:-1]] == [str(number) for number in range(LINES_MAX)]
    assert kept[-1].message == "further lines are dropped: 200 is the limit of one attempt"
    assert kept[-1].level == "warn"


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀", "\ud83d"])
def test_however_it_is_written_lines_have_so_many_bytes_at_most(letter):
    kept = kept_of(letter * LINE_BYTES_MAX for _ in range(100))
    assert sum(line.ByteSize() for line in kept) <= LINES_BYTES_MAX + 100
    assert kept[-1].message == "further lines are dropped: 64 KiB is the limit of one attempt"


def test_a_line_that_is_cut_says_so():
    (line,) = kept_of(["é" * LINE_BYTES_MAX])
    assert len(line.message.encode()) <= LINE_BYTES_MAX
    assert line.message.startswith("é" * 4_000)
    assert line.message.endswith(" ... (cut)")
