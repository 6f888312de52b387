"""An execution with more output than is told at once, on the shipped cluster."""

import asyncio

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk import open_client

pytestmark = pytest.mark.e2e

NODES = 120
NODE = "{uses: set@1, with: {value: {text: '${{ params.text }}'}}}"
FLOW = (
    "flow: 1\nid: large-outputs\nparams: {text: {type: string}}\n"
    "output: ${{ nodes.small.output }}\n"
    "nodes:\n  small: {uses: set@1, with: {value: done}}\n"
    + "".join(f"  n{n}: {NODE}\n" for n in range(NODES))
)
TEXT = "x" * 60_000


async def test_a_large_execution_is_read_in_bounded_parts(cluster: ClusterFile):
    async with open_client(cluster.gateway_url) as client:
        await client.apply(FLOW)
        started = await client.start("large-outputs", {"text": TEXT})
        ran = await client.wait(started.id)
        assert (ran.status, ran.output) == ("COMPLETED", "done")
        links = {node.id: node.output for node in ran.nodes if "$node" in node.output}
        assert 30 < len(links) < NODES
        assert f"The outputs of {len(links)} nodes" in ran.left_out
        for name, link in links.items():
            assert link["$node"] == name
        some = list(links)[:3]
        whole = await asyncio.gather(*(client.get_node(started.id, name) for name in some))
        assert [node.output for node in whole] == [{"text": TEXT}] * 3
        assert (await client.cancel(started.id)).status == "COMPLETED"
        seen = [message.seq async for message in client.watch(started.id, 0)]
        assert seen == list(range(1, ran.last_seq + 1)), "no gap and no repeat"


TALKING = 300
TALK = "for (let i = 0; i < 200; i++) console.log('x'.repeat(8000)); return 1"
TALKATIVE = (
    f'flow: 1\nid: talkative\nnodes:\n  a0: {{run: "{TALK}"}}\n'
    + "".join(f'  a{n}: {{needs: [a{n - 1}], run: "{TALK}"}}\n' for n in range(1, TALKING))
    + "".join(f'  b{n}: {{run: "{TALK}"}}\n' for n in range(TALKING))
)


async def test_hundreds_of_nodes_that_log_a_great_deal_end_and_are_shown(cluster: ClusterFile):
    async with open_client(cluster.gateway_url) as client:
        await client.apply(TALKATIVE)
        started = await client.start("talkative", {})
        ran = await client.wait(started.id)
        assert ran.status == "COMPLETED"
        assert len(ran.nodes) == 2 * TALKING
        assert {node.attempt for node in ran.nodes} == {1}, "nothing was repeated"
        one = await client.get_node(started.id, "a7")
        assert one.logs[-1].message.startswith("further lines are dropped: 64 KiB")
        assert sum(len(line.message) for line in one.logs) > 60_000
