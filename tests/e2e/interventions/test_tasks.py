"""Tasks for people, and waits that run out of time, over the shipped entry points."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk import Client, ConflictError, InvalidRequestError, NotFoundError, open_client
from penstock.sdk.errors import InvalidWorkflowError
from penstock.sdk.tasks import Task
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

SHIP = """
flow: 1
id: ship
params: {order: {type: integer}}
nodes:
  ask:
    uses: approval@1
    with:
      title: "Ship order ${{ params.order }}?"
      assignees: [ann]
      data: {order: "${{ params.order }}"}
      form: {type: object, required: [carrier], properties: {carrier: {type: string}}}
  ship: {needs: [{node: ask, action: approved}], run: "return input.ask.data.carrier;"}
  bin: {needs: [{node: ask, action: rejected}], run: "return 'not shipped';"}
  end: {needs: [ship, bin], run: "return input.ship ?? input.bin;"}
output: ${{ nodes.end.output }}
"""

LATE = """
flow: 1
id: late
nodes:
  skipped: {uses: wait@1, with: {signal: never, timeout: 10ms, on_timeout: skip}}
  told:
    uses: wait@1
    with: {signal: never, timeout: 10ms, on_timeout: complete, timeout_output: {late: true}}
  never:
    uses: wait@1
    with: {condition: "${{ false }}", every: 100ms, timeout: 150ms}
    on_error: continue
  holds: {uses: wait@1, with: {condition: "${{ run.attempt > 2 }}", every: 100ms}}
  decided: {uses: approval@1, with: {title: "Go on?", timeout: 10ms, on_timeout: reject}}
  ended: {uses: approval@1, with: {title: "Go on?", timeout: 10ms}, on_error: continue}
  end:
    needs: [{node: skipped, on: always}, told, never, holds, decided, ended]
    run: "return input;"
output: ${{ nodes.end.output }}
"""


LEDGER = """
flow: 1
id: ledger
nodes:
  pay: {run: "return 1;", effects: once}
  free: {run: "return 2;"}
"""


@pytest.fixture
async def client(cluster: ClusterFile) -> AsyncIterator[Client]:
    async with open_client(cluster.gateway_url) as client:
        await client.apply(SHIP)
        await client.apply(LATE)
        yield client


async def asked(client: Client, execution_id: str) -> Task:
    async with asyncio.timeout(20):
        while not (page := await client.tasks.list(execution_id=execution_id)).items:
            await asyncio.sleep(0.05)
    return page.items[0]


async def test_a_person_approves_with_data_that_fit_the_form(client: Client):
    started = await client.start("ship", {"order": 7})
    task = await asked(client, started.id)
    assert (task.title, task.kind, task.data) == ("Ship order 7?", "approval", {"order": 7})
    assert task.decisions == ("approved", "rejected")
    with pytest.raises(InvalidWorkflowError) as refused:
        await client.tasks.answer(task.id, "approved", {"carrier": 5})
    assert [one.path for one in refused.value.problem.errors] == ["data.carrier"]
    with pytest.raises(InvalidRequestError, match="no decision"):
        await client.tasks.answer(task.id, "perhaps")
    done = await client.tasks.answer(task.id, "approved", {"carrier": "post"}, by="ann")
    assert done.status == "COMPLETED"
    with pytest.raises(ConflictError):
        await client.tasks.answer(task.id, "rejected")
    with pytest.raises(NotFoundError):
        await client.tasks.get(task.id)
    ended = await client.wait(started.id)
    assert ended.output == "post"
    outcome = next(node.output for node in ended.nodes if node.id == "ask")
    assert (outcome["decision"], outcome["by"]) == ("approved", "ann")


async def test_tasks_are_listed_by_person_and_gone_with_their_execution(client: Client):
    started = await client.start("ship", {"order": 8})
    task = await asked(client, started.id)
    for assignee, count in (("ann", 1), ("bob", 0)):
        page = await client.tasks.list(execution_id=started.id, assignee=assignee)
        assert len(page.items) == count
    await client.cancel(started.id)
    assert (await client.tasks.list(execution_id=started.id)).items == ()
    with pytest.raises(ConflictError):
        await client.tasks.answer(task.id, "approved", {"carrier": "post"})


async def test_the_command_line_lists_and_answers(client: Client, penstock: Penstock):
    started = await client.start("ship", {"order": 9})
    task = await asked(client, started.id)
    listed = await asyncio.to_thread(penstock, "task", "list", "--execution", started.id)
    assert "Ship order 9?" in listed.stdout
    shown = await asyncio.to_thread(penstock, "task", "show", task.id, "-o", "json")
    assert json.loads(shown.stdout)["form"]["required"] == ["carrier"]
    said = await asyncio.to_thread(penstock, "task", "answer", task.id, "rejected", "--by", "ann")
    assert said.stdout.strip() == f"{task.id} rejected COMPLETED"
    assert (await client.wait(started.id)).output == "not shipped"


async def test_a_wait_that_runs_out_of_time_comes_to_what_the_flow_says(client: Client):
    started = await client.start("late")
    ended = await client.wait(started.id)
    assert ended.status == "COMPLETED", ended
    by_id = {node.id: node for node in ended.nodes}
    assert by_id["skipped"].status == "SKIPPED"
    assert ended.output["told"] == {"late": True}
    assert ended.output["decided"]["decision"] == "rejected"
    assert by_id["never"].failure.reason == "CONDITION_TIMEOUT"
    assert by_id["ended"].failure.reason == "TASK_TIMEOUT"
    assert (by_id["holds"].status, by_id["holds"].attempt) == ("COMPLETED", 3)


async def test_the_ledger_tells_what_an_execution_may_have_changed_outside(
    client: Client, penstock: Penstock
):
    await client.apply(LEDGER)
    started = await client.start("ledger")
    await client.wait(started.id)
    page = await client.tasks.effects(started.id)
    (effect,) = page.items
    assert (effect.node, effect.effects) == ("pay", "once")
    assert effect.idempotency_key == f"{started.id}/pay/0"
    assert [(one.attempt, one.outcome) for one in effect.attempts] == [(1, "committed")]
    assert effect.attempts[0].worker
    shown = await asyncio.to_thread(penstock, "execution", "effects", started.id)
    assert "committed" in shown.stdout
    with pytest.raises(NotFoundError):
        await client.tasks.effects(started.id, node="nobody")
