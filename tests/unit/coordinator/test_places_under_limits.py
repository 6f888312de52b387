"""Whose turn it is under a limit: told of each node, with the line put in order once."""

from types import SimpleNamespace

from penstock.coordinator.limits.permits import Ask, PermitId, SlotRule, make_key
from penstock.coordinator.shell.limits.gated import Entry, Permits
from penstock.coordinator.shell.limits.holding_back import HoldingBack
from penstock.workflow.execution.values import NodeRef, NodeStatus

KEY = make_key("concurrency", "default", "bank")
NODES = 300


class Limit:
    """A line; notes how often it was put in order."""

    def __init__(self, asks: list[Ask]) -> None:
        self.asks = asks
        self.ordered = 0

    @property
    def line(self):
        self.ordered += 1
        return iter(self.asks)


def asks() -> list[Ask]:
    return [Ask(PermitId("E", node, 0, 1), KEY, SlotRule(1)) for node in range(NODES)]


def waiting(asked: list[Ask]) -> SimpleNamespace:
    """An execution whose nodes all wait for a permit."""
    permits = Permits(SimpleNamespace(), admitted=True)
    for ask in asked:
        node = ask.permit.node
        permits.add(ask.permit, Entry(NodeRef(node, 0, 1), (ask,)))
    state = SimpleNamespace(status=[NodeStatus.QUEUED] * NODES, attempts=[1] * NODES)
    return SimpleNamespace(id="E", permits=permits, state=state)


def test_each_node_has_its_place_and_the_line_is_put_in_order_once():
    asked = asks()
    limit = Limit(asked)
    book = SimpleNamespace(find=lambda key: limit, is_open=lambda key: True)
    why = HoldingBack(SimpleNamespace(book=book)).about(waiting(asked))
    told = [why(node) or "" for node in range(NODES)]
    assert told[0].endswith("It is next.")
    assert told[NODES - 1].endswith(f"It is {NODES}th in line.")
    assert limit.ordered == 1
