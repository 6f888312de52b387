"""csv.read."""

import pytest

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.csv_read.run import run
from penstock.nodes.csv_read.table import read_table
from support.node_calls import make_call, plain


def table(text, rows_max=100, **config):
    return read_table(text.splitlines(keepends=True), config, rows_max)


def test_columns_of_numbers_become_numbers_and_empty_cells_null():
    assert table("a,b\n1,2.5\n,3\n") == [{"a": 1, "b": 2.5}, {"a": None, "b": 3}]


def test_a_column_with_leading_zeros_stays_text():
    assert table("zip,n\n01234,1\n56789,2\n") == [
        {"zip": "01234", "n": 1},
        {"zip": "56789", "n": 2},
    ]


def test_a_column_of_true_and_false_becomes_booleans():
    assert table("ok\ntrue\nFALSE\n") == [{"ok": True}, {"ok": False}]


def test_types_text_leaves_everything_as_written():
    assert table("a\n1\n", types="text") == [{"a": "1"}]


def test_named_types_are_applied_and_checked():
    assert table("a,b\n1,2\n", types={"b": "number"}) == [{"a": "1", "b": 2}]
    with pytest.raises(NodeFailure, match="column b holds values that are no number"):
        table("a,b\n1,x\n", types={"b": "number"})


def test_quotes_delimiters_and_line_breaks_inside_cells():
    assert table('a;b\n"x;\ny";"""q"""\n', delimiter=";") == [{"a": "x;\ny", "b": '"q"'}]


def test_without_a_header_rows_are_lists():
    assert table("1,a\n2,b\n", header=False) == [[1, "a"], [2, "b"]]


def test_own_names_for_the_columns():
    assert table("1,a\n", header=["n", "s"]) == [{"n": 1, "s": "a"}]


def test_skip_and_limit():
    assert table("# note\na\n1\n2\n3\n", skip=1, limit=2) == [{"a": 1}, {"a": 2}]


def test_a_ragged_row_is_named():
    with pytest.raises(NodeFailure, match="row 3 has 1 cells, expected 2"):
        table("a,b\n1,2\n3\n")


def test_more_rows_than_the_limit_are_refused():
    assert len(table("a\n" + "1\n" * 100)) == 100
    with pytest.raises(NodeFailure, match="TOO_MANY_ROWS"):
        table("a\n" + "1\n" * 101)


def test_an_empty_file_is_an_empty_table():
    assert table("") == []
    assert table("a,b\n") == []


async def test_a_file_is_read_from_an_allowed_folder(tmp_path):
    (tmp_path / "orders.csv").write_text("\ufeffid,total\n1,9.5\n")
    environment = Environment(data_roots=(str(tmp_path),))
    done = await run(make_call({"path": "orders.csv"}, environment=environment))
    assert plain(done.output) == [{"id": 1, "total": 9.5}]


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "link.csv", "a\0b"])
async def test_a_file_outside_the_allowed_folders_is_refused(tmp_path, path):
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    environment = Environment(data_roots=(str(root),))
    with pytest.raises(NodeFailure, match="PATH_DENIED"):
        await run(make_call({"path": path}, environment=environment))


async def test_a_missing_file_is_a_users_mistake(tmp_path):
    environment = Environment(data_roots=(str(tmp_path),))
    with pytest.raises(NodeFailure, match="NO_SUCH_FILE") as caught:
        await run(make_call({"path": "none.csv"}, environment=environment))
    assert caught.value.error_class == "user"
