"""Egress lists."""

import pytest

from penstock.nodes.api import NodeFailure
from penstock.nodes.egress import check_egress, host_allowed


@pytest.mark.parametrize(
    ("host", "port", "pattern", "allowed"),
    [
        ("shop.example", 443, "*", True),
        ("shop.example", 443, "shop.example", True),
        ("SHOP.example.", 443, "shop.example", True),
        ("a.b.example", 80, "*.example", True),
        ("example", 80, "*.example", False),
        ("badexample", 80, "*.example", False),
        ("shop.example", 80, "shop.example:443", False),
        ("shop.example", 443, "shop.example:443", True),
        ("127.0.0.1", 9000, "127.0.0.1:9000", True),
        ("::1", 80, "[::1]", True),
    ],
)
def test_patterns(host, port, pattern, allowed):
    assert host_allowed(host, port, [pattern]) is allowed


def test_server_and_node_must_both_allow():
    check_egress("a.example", 80, ("*",), None)
    check_egress("a.example", 80, ("*.example",), ("a.example",))
    with pytest.raises(NodeFailure, match="the node's egress list"):
        check_egress("b.example", 80, ("*",), ("a.example",))
    with pytest.raises(NodeFailure, match="the server's egress list"):
        check_egress("b.example", 80, ("a.example",), None)
    with pytest.raises(NodeFailure, match="EGRESS_DENIED"):
        check_egress("b.example", 80, ("*",), ())
