from dataclasses import replace

import pytest
from rich.console import Console

from penstock.cli.picture import ExecutionPicture, NodePicture
from penstock.cli.showing import print_tree
from penstock.cli.tree import render, rows_of
from penstock.sdk.models import Execution, NodeState

NOW = "2026-11-21T10:00:02+00:00"


def picture(*nodes: NodePicture) -> ExecutionPicture:
    return ExecutionPicture("E", workflow="w", version=1, nodes={n.id: n for n in nodes})


def node(name: str, *needs: str, status: str = "PENDING") -> NodePicture:
    return NodePicture(name, uses="js@1", needs=needs, status=status)


def shape(*nodes: NodePicture) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(row.node.id, row.depth, row.joins) for row in rows_of(picture(*nodes))]


def drawn(*nodes: NodePicture, width: int = 150) -> str:
    console = Console(width=width, no_color=True, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(picture(*nodes), NOW, 0))
    return capture.get()


def test_children_stand_below_the_deepest_of_their_parents():
    rows = shape(node("a"), node("b", "a"), node("c", "b"), node("join", "a", "c"))
    assert rows == [("a", 0, ()), ("b", 1, ()), ("c", 2, ()), ("join", 3, ("a",))]


def test_a_parent_may_come_later_in_the_file():
    assert shape(node("late", "early"), node("early")) == [("early", 0, ()), ("late", 1, ())]


def test_hidden_nodes_are_not_drawn():
    assert shape(node("a"), node("$output", "a")) == [("a", 0, ())]


def test_a_long_chain_does_not_need_a_deep_stack():
    chain = [node("n0"), *(node(f"n{i}", f"n{i - 1}") for i in range(1, 5000))]
    assert len(shape(*reversed(chain))) == 5000


def test_a_fan_out_shows_counts_failures_and_waits():
    fan = node("fan", status="RUNNING")
    fan.items_total, fan.items_done, fan.items_failed, fan.items_waiting = 21, 12, 1, {3, 4}
    assert "12/21, 1 failed, 2 waiting to retry" in drawn(fan)


def test_on_a_narrow_terminal_the_bar_gives_way_to_the_numbers():
    fan = node("with_quite_a_name", status="RUNNING")
    fan.items_total, fan.items_done, fan.items_failed, fan.repeats = 21, 12, 1, 3
    line = drawn(fan, width=80).splitlines()[1]
    assert line.rstrip().endswith("12/21, 1 failed  3 retries")


@pytest.mark.parametrize("width", [76, 64, 56, 48])
def test_on_ever_narrower_terminals_the_numbers_stay(width: int):
    fan = node("with_quite_a_name", status="RUNNING")
    fan.items_total, fan.items_done, fan.items_failed, fan.repeats = 21, 12, 1, 3
    fan.items_waiting = {3, 4}
    other = node("check", "with_quite_a_name")
    _, line, below = drawn(fan, other, width=width).splitlines()
    assert "12/21, 1 failed" in line
    assert line.rstrip().endswith("  3 retries")
    assert line.startswith("⠋ with_")
    assert ("js@1" in line) == ("js@1" in below)


def test_long_names_are_cut_last():
    fan = node("with_quite_a_name", status="RUNNING")
    fan.items_total, fan.items_done, fan.repeats = 21, 12, 3
    line = drawn(fan, width=46).splitlines()[1]
    assert "with_quite_a_name" in line
    assert "js@1" not in line
    assert drawn(fan, width=40).splitlines()[1].rstrip().endswith("12/21  3 retries")
    assert "with_qu" in drawn(fan, width=36)


def test_remarks_are_cut_before_anything_else():
    fan = node("fan", "late", status="RUNNING")
    fan.items_total, fan.items_done, fan.repeats = 21, 12, 3
    late = node("late", "fan2")
    line = drawn(node("fan2"), late, node("far"), replace(fan, needs=("far", "late")), width=64)
    assert "12/21  3 retries  ← far" in line


def test_every_node_that_stands_still_says_why():
    waits = node("waits", status="WAITING")
    waits.waiting_for = "signal approve"
    skipped = node("skipped", status="SKIPPED")
    skipped.reason = "BRANCH"
    text = drawn(waits, skipped)
    assert "signal approve" in text
    assert "branch not taken" in text


def test_on_a_pipe_what_a_node_waits_for_is_told_whole(capsys):
    sentence = "Waits for the signal 'go' until 2026-11-21T17:00:00.000Z." + " And so on." * 30
    state = NodeState("ask", "wait@1", "WAITING", waiting_for=sentence)
    run = Execution(id="E", workflow="w", version=1, status="RUNNING", nodes=(state,))
    print_tree(run)
    assert sentence in capsys.readouterr().out


def test_a_pending_node_says_why_only_once_its_parents_have_ended():
    parent, child = node("a", status="RUNNING"), node("b", "a")
    child.waiting_for = "Waits for a to end."
    assert "Waits for" not in drawn(parent, child)
    parent.status, child.waiting_for = "COMPLETED", "Held by a pause."
    assert "Held by a pause." in drawn(parent, child)


def test_the_clock_of_a_delayed_start_counts_from_its_beginning(capsys):
    delayed = Execution(
        id="E",
        workflow="w",
        version=1,
        status="RUNNING",
        started_at="2026-11-21T10:00:00Z",
        finished_at="2026-11-21T11:00:03Z",
        not_before="2026-11-21T11:00:00Z",
        nodes=(NodeState("a", "js@1", "PENDING", waiting_for="Starts at 11."),),
    )
    print_tree(delayed)
    told = capsys.readouterr().out
    assert "3.0 s" in told
    assert "Starts at 11." in told
