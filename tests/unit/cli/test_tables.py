import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

import pytest

from penstock.cli.columns import fit_widths, table_width
from penstock.cli.output import print_table

ID = "01KAM0Q4Z8W5E2R7T9Y1V3B6N4"
HEADINGS = ("ID", "WORKFLOW", "STATUS", "NODES", "STARTED", "TOOK")
ROW = (ID, "a-workflow-of-some-length v12", "COMPLETED", "12/12", "2026-11-21 17:00:00", "2 m 05 s")
GIVES_WAY = ("STARTED", "TOOK", "NODES", "WORKFLOW")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch):
    def shown(columns: int, *table: Sequence) -> list[str]:
        screen = Terminal()
        for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)}.items():
            monkeypatch.setenv(name, value)
        with redirect_stdout(screen):
            print_table(*table)
        text = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
        return [line.rstrip() for line in text.splitlines()]

    return shown


def test_nothing_is_cut_on_a_pipe(capsys):
    long = "what this workflow does " * 20
    print_table(("NAME", "VERSION", "DESCRIPTION"), [("a-flow", "1", long)], ("DESCRIPTION",))
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "VERSION", "DESCRIPTION"]
    assert row.split(maxsplit=2) == ["a-flow", "1", long]


def test_ids_and_statuses_are_whole_on_a_pipe(capsys):
    print_table(HEADINGS, [ROW], GIVES_WAY)
    row = capsys.readouterr().out.splitlines()[1]
    assert all(cell in row for cell in ROW)


def test_an_empty_table_is_its_headings(capsys):
    print_table(HEADINGS, [], GIVES_WAY)
    assert capsys.readouterr().out.split() == list(HEADINGS)


def test_on_a_terminal_only_what_may_give_way_is_shortened(on_terminal):
    rows = [("a-flow", "1", "long " * 40)]
    row = on_terminal(80, ("NAME", "VERSION", "DESCRIPTION"), rows, ("DESCRIPTION",))[-1]
    assert row.startswith("a-flow  1 ")
    assert row.endswith("…")
    assert len(row) <= 80


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100])
def test_ids_and_statuses_are_whole_on_any_terminal(on_terminal, columns):
    row = on_terminal(columns, HEADINGS, [ROW], GIVES_WAY)[-1]
    assert ID in row
    assert "COMPLETED" in row
    assert len(row) <= max(columns, 37)


def test_a_table_that_may_not_be_shortened_goes_on_in_further_lines(on_terminal):
    lines = on_terminal(80, ("NODE", "TEXT"), [("a", "x" * 200)])
    assert "".join(lines).count("x") == 200
    assert max(map(len, lines)) == 80


def test_columns_give_way_in_turn():
    natural = [10, 20, 20]
    giving = [(1, 5), (2, 6)]
    assert fit_widths(natural, giving, 54) == [10, 20, 20]
    assert fit_widths(natural, giving, 45) == [10, 11, 20]
    assert fit_widths(natural, giving, 30) == [10, 0, 18]
    assert fit_widths(natural, giving, 5) == [10, 0, 0]
    assert table_width([10, 0, 18]) == 30
