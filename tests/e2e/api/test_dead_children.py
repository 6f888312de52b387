"""Sub-workflows that failed are dead letters of their own, as the guide says."""

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk.client import open_client

pytestmark = pytest.mark.e2e

CHILD = """
flow: 1
id: pay-once
params: {card: {type: string, default: bad}}
nodes:
  look: {run: "return params.card;"}
  pay: {needs: [look], run: "if (params.card === 'bad') throw new Error('refused'); return 'paid';"}
output: ${{ nodes.pay.output }}
"""
PARENT = """
flow: 1
id: pay-for-me
nodes:
  call: {uses: workflow@1, with: {workflow: pay-once}, on_error: continue}
  after: {needs: [call], run: "return input.call.error ? 'went on' : 'paid';"}
output: ${{ nodes.after.output }}
"""


async def test_a_child_is_retried_without_its_parent_which_went_on_and_is_not_told(
    cluster: ClusterFile,
):
    async with open_client(cluster.gateway_url) as client:
        await client.apply(CHILD)
        await client.apply(PARENT)
        run = await client.start("pay-for-me")
        ended = await client.wait(run.id)
        assert (ended.status, ended.output) == ("COMPLETED", "went on")
        (child,) = (await client.children.list(run.id)).items
        letter = await client.dead_letters.get(child.execution.id)
        assert letter.letter.state == "open"
        events = ended.last_seq

        made = await client.dead_letters.retry(child.execution.id, {"card": "good"})
        again = await client.wait(made.retried_as)
        assert (again.status, again.output) == ("COMPLETED", "paid")
        assert again.parent is None
        nodes = {node.id: node for node in again.nodes}
        assert nodes["look"].output == "bad", "what completed before is taken over"
        assert len((await client.children.list(run.id)).items) == 1
        after = await client.get_execution(run.id)
        assert (after.last_seq, after.output) == (events, "went on")
        known = await client.dead_letters.get(child.execution.id)
        assert (known.letter.state, known.letter.retried_as) == ("retried", made.retried_as)
