from rich.console import Console

from penstock.cli.logs import TAIL_LINES_MAX, log_rows, print_log_tail
from penstock.cli.picture import LOG_LINES_MAX, ExecutionPicture, NodePicture
from penstock.sdk.models import LogLine, NodeChange


def line(number: int) -> LogLine:
    return LogLine(f"2026-11-21T10:00:00.{number:06}Z", "info", f"line {number}")


def printed(*nodes: NodePicture) -> list[str]:
    console = Console(width=100)
    with console.capture() as capture:
        print_log_tail(console, ExecutionPicture("E", nodes={n.id: n for n in nodes}))
    return capture.get().splitlines()


def test_lines_of_all_nodes_stand_in_the_order_of_time():
    rows = log_rows([("a", [line(1), line(4)]), ("b", [line(2)])])
    assert [(row.node, row.message) for row in rows] == [
        ("a", "line 1"),
        ("b", "line 2"),
        ("a", "line 4"),
    ]


def test_below_the_tree_stand_the_last_lines_and_where_the_others_are():
    shown = printed(NodePicture("n", logs=[line(i) for i in range(TAIL_LINES_MAX + 2)]))
    assert shown[0] == "2 earlier lines: penstock execution logs E"
    assert shown[-1] == f"10:00:00.000  n [info] line {TAIL_LINES_MAX + 1}"
    assert len(shown) == TAIL_LINES_MAX + 1


def test_without_lines_nothing_stands_below_the_tree():
    assert printed(NodePicture("n")) == []


def test_a_picture_keeps_the_last_lines_of_a_node_only():
    node = NodePicture("n")
    for number in range(LOG_LINES_MAX + 5):
        change = NodeChange("n", "COMPLETED", item=number, logs=(line(number),))
        node.apply(change, "node_completed", "")
    assert len(node.logs) == LOG_LINES_MAX
    assert node.logs[0] == line(5)
