"""A picture with more log lines than are told at once has the last ones of each node."""

from penstock.api.workflow.v1.workflow_service_pb2 import Execution
from penstock.state.reading.pictures import shorten_logs


def picture(nodes: int, lines: int, chars: int) -> Execution:
    execution = Execution()
    for number in range(nodes):
        node = execution.nodes.add(id=f"n{number}")
        for at in range(lines):
            node.logs.add(at_unix_us=at, level="info", message=f"{at}:" + "x" * chars)
    return execution


def test_the_last_lines_of_each_node_are_left_and_a_word_for_the_others():
    execution = picture(nodes=100, lines=50, chars=1_000)
    execution.nodes.add(id="silent")
    shorten_logs(execution, 1_000_000)
    assert execution.ByteSize() < 1_100_000
    for node in execution.nodes[:100]:
        assert node.logs[-1].message.startswith("49:")
        left_out = 50 - (len(node.logs) - 1)
        assert node.logs[0].message.startswith(f"{left_out} lines before are not shown")
    assert not execution.nodes[100].logs


def test_not_even_one_line_may_fit():
    execution = picture(nodes=10, lines=2, chars=5_000)
    shorten_logs(execution, 10_000)
    assert execution.ByteSize() < 10_000
    assert [len(node.logs) for node in execution.nodes] == [1] * 10


def test_few_lines_stay_as_they_are():
    execution = picture(nodes=2, lines=3, chars=10)
    before = execution.SerializeToString(deterministic=True)
    shorten_logs(execution, 1_000_000)
    assert execution.SerializeToString(deterministic=True) == before
