"""Pause, resume and manual operations, over the shipped entry points."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk import Client, ConflictError, InvalidRequestError, NotFoundError, open_client
from penstock.sdk.interventions import Intervention
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

GATED = """
flow: 1
id: gated
nodes:
  gate: {uses: wait@1, with: {signal: go}}
  after: {needs: [gate], run: "return payload.n + 1;"}
  side: {uses: wait@1, with: {signal: never}}
  end: {needs: [after, {node: side, on: always}], run: "return input;"}
output: ${{ nodes.end.output }}
"""

ROUTERS = """
flow: 1
id: routers
nodes:
  gate: {uses: wait@1, with: {signal: go}}
  route:
    needs: [gate]
    uses: switch@1
    with: {cases: [{when: "${{ true }}", action: big}], default: small}
  large: {needs: [{node: route, action: big}], run: "return 1;"}
  ask: {uses: approval@1, with: {title: "Go on?"}}
  ship: {needs: [{node: ask, action: approved}], run: "return 2;"}
"""


@pytest.fixture
async def client(cluster: ClusterFile) -> AsyncIterator[Client]:
    async with open_client(cluster.gateway_url) as client:
        await client.apply(GATED)
        await client.apply(ROUTERS)
        yield client


async def until(client: Client, execution_id: str, node: str, status: str) -> None:
    async with asyncio.timeout(20):
        async for message in client.watch(execution_id):
            found = await client.get_execution(message.execution_id)
            if {one.id: one.status for one in found.nodes}[node] == status:
                return


async def test_a_paused_execution_hands_out_nothing_until_it_is_resumed(client: Client):
    started = await client.start("gated")
    await until(client, started.id, "gate", "WAITING")
    first = await client.interventions.pause(started.id, by="ann", request_id="p")
    assert first.status == "PAUSED"
    assert (await client.interventions.pause(started.id, by="bob")).status == "PAUSED"
    await client.signal(started.id, "go", {"n": 1})
    shown = await client.get_execution(started.id)
    assert shown.status == "PAUSED"
    assert {node.id: node.status for node in shown.nodes}["gate"] == "WAITING"
    listed = await client.list_executions(workflow="gated", status="RUNNING")
    assert (started.id, "PAUSED") in [(one.id, one.status) for one in listed.items]
    paused = await client.list_executions("status:paused", workflow="gated")
    assert [(one.id, one.status) for one in paused.items] == [(started.id, "PAUSED")]
    plain = await client.list_executions(workflow="gated", status="PAUSED")
    assert [one.id for one in plain.items] == [started.id]
    for resumed in (
        client.interventions.resume(started.id, by="ann"),
        client.interventions.pause(started.id, by="ann", request_id="p"),
    ):
        assert (await resumed).status == "RUNNING"
    await until(client, started.id, "after", "COMPLETED")
    await client.interventions.intervene(
        started.id, "side", Intervention(operation="skip", by="ann", reason="not needed")
    )
    ended = await client.wait(started.id)
    assert (ended.status, ended.output) == ("COMPLETED", {"after": 2})
    for done in (client.interventions.pause, client.interventions.resume):
        with pytest.raises(ConflictError, match="it is COMPLETED"):
            await done(started.id)
    assert (await client.interventions.pause(started.id, request_id="p")).status == "COMPLETED"


async def test_nodes_are_completed_edited_and_failed_by_hand(client: Client):
    started = await client.start("gated")
    hands = client.interventions
    await hands.intervene(
        started.id, "after", Intervention(operation="edit", input={"gate": {"n": 41}})
    )
    done = await hands.intervene(started.id, "gate", Intervention(operation="complete", output=0))
    assert (done.node, done.status) == ("gate", "COMPLETED")
    await until(client, started.id, "after", "COMPLETED")
    with pytest.raises(ConflictError) as refused:
        await hands.intervene(started.id, "gate", Intervention(operation="retry"))
    assert "it is COMPLETED" in str(refused.value)
    with pytest.raises(NotFoundError):
        await hands.intervene(started.id, "gatte", Intervention(operation="retry"))
    failed = Intervention(operation="fail", message="nobody came", by="ann")
    await hands.intervene(started.id, "side", failed)
    ended = await client.wait(started.id)
    assert (ended.status, ended.output["after"]) == ("COMPLETED", 42)
    assert {node.id: node.failure.reason for node in ended.nodes if node.failure} == {
        "side": "FAILED_BY_HAND"
    }


async def test_a_choice_by_hand_that_leads_nowhere_is_refused(client: Client):
    started = await client.start("routers")

    async def refused(node: str, *chosen: str) -> str:
        given = {"chosen": list(chosen)} if chosen else {}
        wanted = Intervention(operation="complete", output=1, **given)
        with pytest.raises(InvalidRequestError) as error:
            await client.interventions.intervene(started.id, node, wanted)
        return f"{error.value} {error.value.problem.fix}"

    assert "big, large, small" in await refused("route", "nope")
    assert "approved, rejected, ship" in await refused("ask", "aproved")
    assert "is a router" in await refused("ask")
    assert "is no router" in await refused("gate", "route")
    for node, chosen in (("ask", "approved"), ("route", "big")):
        wanted = Intervention(operation="complete", output=1, chosen=[chosen])
        await client.interventions.intervene(started.id, node, wanted)
    await client.interventions.intervene(
        started.id, "gate", Intervention(operation="complete", output=0)
    )
    ended = await client.wait(started.id)
    assert ended.output == {"large": 1, "ship": 2}


async def test_the_command_line_pauses_resumes_and_intervenes(client: Client, penstock: Penstock):
    started = await client.start("gated")
    await until(client, started.id, "gate", "WAITING")
    pause = ("execution", "pause", started.id, "--by", "ann", "--request-id", "p")
    said = await asyncio.to_thread(penstock, *pause)
    assert said.stdout.strip() == f"{started.id} PAUSED"
    said = await asyncio.to_thread(
        penstock, "node", "complete", started.id, "gate", "--value", json.dumps({"n": 1})
    )
    assert said.stdout.strip() == f"{started.id} gate COMPLETED"
    said = await asyncio.to_thread(penstock, "node", "retry", started.id, "after")
    assert said.returncode != 0
    assert "has not begun" in said.stderr
    for again in (("execution", "resume", started.id, "--request-id", "r"), pause):
        said = await asyncio.to_thread(penstock, *again)
        assert said.stdout.strip() == f"{started.id} RUNNING"
    await until(client, started.id, "after", "COMPLETED")
    await client.cancel(started.id)
