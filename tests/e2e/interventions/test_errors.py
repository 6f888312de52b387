"""Each line of the guide to errors, on the shipped cluster."""

import re

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk import open_client
from penstock.sdk.models import Execution
from support.command_line import ROOT

pytestmark = pytest.mark.e2e

GUIDE = (ROOT / "docs/guides/errors.md").read_text("utf-8")
FLOW = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.M | re.S)[0]


@pytest.fixture
async def ended(cluster: ClusterFile) -> Execution:
    async with open_client(cluster.gateway_url) as client:
        await client.apply(FLOW)
        started = await client.start("failures")
        return await client.wait(started.id)


async def test_every_line_of_the_guide_to_errors_holds(ended: Execution):
    nodes = {node.id: node for node in ended.nodes}
    told = {
        name: (node.failure.error_class, node.failure.reason, node.attempt)
        for name, node in nodes.items()
        if node.failure is not None
    }
    for name in ("thrown", "returned", "rejected", "once"):
        assert told[name] == ("user", "SCRIPT_ERROR", 1), name
    assert told["transient"] == ("transient", "SCRIPT_ERROR", 2)
    assert (nodes["again"].status, nodes["again"].output) == ("COMPLETED", 2)
    assert told["late"][0] == "transient"
    assert told["late"][1] in ("NODE_TIMEOUT", "SANDBOX_TIMEOUT")
    assert told["over"] == ("transient", "NODE_DEADLINE", 1)
    assert (nodes["left"].status, nodes["gone"].status) == ("SKIPPED", "SKIPPED")
    assert nodes["handler"].output == "SCRIPT_ERROR"
    assert nodes["taken"].output == "user"
    assert (ended.status, ended.failed_node) == ("FAILED", "end")
    assert ended.failure is not None
    assert "the end: SCRIPT_ERROR" in ended.failure.message
    assert nodes["kept"].output == "kept"
    assert ended.partial is not None
    assert (ended.partial["kept"], ended.partial["again"]) == ("kept", 2)
    assert not ended.partial.keys() & {"end", "left", "gone"}
    assert {"class", "reason", "message"} <= nodes["thrown"].output["error"].keys()
