"""What retention would remove is told before it is removed."""

import json

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk.client import open_client
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: brief
retention: {completed: 300d, failed: forever}
nodes: {a: {run: "return 1;"}}
"""


async def test_a_dry_run_counts_what_is_due_and_removes_nothing(
    cluster: ClusterFile, penstock: Penstock
):
    async with open_client(cluster.gateway_url) as client:
        await client.apply(FLOW)
        ran = await client.start("brief")
        await client.wait(ran.id)
        report = await client.retention.preview()
        (kept,) = [one for one in report.workflows if one.workflow == "brief"]
        assert (kept.completed_s, kept.failed_s, kept.executions) == (300 * 86_400.0, None, 0)
        shown = json.loads(penstock("retention", "-o", "json").stdout)
        assert shown["exact"]
        table = penstock("retention").stdout
        assert "300 d 00 h" in table
        assert "to remove: " in table
        assert "0 operations" in table
        assert report.operations == 0
        assert (await client.get_execution(ran.id)).status == "COMPLETED"
