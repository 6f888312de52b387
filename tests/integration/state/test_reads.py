"""Reads over gRPC."""

import json

import pytest

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_FAILED, NODE_STATUS_COMPLETED
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import InvalidArgument, NotFound, PayloadTooLarge
from penstock.common.journal_codec import encode_batch
from penstock.common.rpc.channel import call
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import ExecutionStatus, Failure, NodeRef, Payload
from support.state_rows import an_id, end, request, start, step, write

FLOW = """
flow: 1
id: two
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return input.a + 1"}
"""
US = 1_700_000_000_000_000


async def put_flow(client, source=FLOW, **fields):
    plan = compile_source(source, catalog())
    workflow = wf.Workflow(
        name=plan.name, definition_hash=plan.definition_hash, source=source, **fields
    )
    answer = await call(client.query.PutWorkflow, pb.PutWorkflowRequest(workflow=workflow))
    return plan, answer


def history(plan, output=b"1", tenant="default"):
    """One run of FLOW in two rows: node a completes, node b fails."""
    failure = Failure("user", "SCRIPT_ERROR", "boom")
    begun = ev.ExecutionStarted("two", 1, plan.definition_hash, tenant, Payload(b'{"p":1}'))
    rows = [
        (1, [begun, ev.NodesQueued((0,))]),
        (
            3,
            [
                ev.NodeCompleted(NodeRef(0), Payload(output), started_us=US, finished_us=US + 5),
                ev.NodesQueued((1,)),
                ev.NodeFailed(NodeRef(1), failure, started_us=US + 6, finished_us=US + 9),
                ev.ExecutionEnded(ExecutionStatus.FAILED, failure=failure, node=1),
            ],
        ),
    ]
    records = []
    for first_seq, events in rows:
        last = first_seq + len(events) - 1
        bare = start(1, tenant=tenant) if first_seq == 1 else end(1, 3, 3, tenant=tenant)
        bare.last_seq = last
        bare.body = encode_batch(an_id(1), first_seq, US + last, events)
        bare.projection.definition_hash = plan.definition_hash if first_seq == 1 else ""
        records.append(bare)
    return records


async def append(client, *records, position=1):
    epoch = await client.lease()
    stream = client.journal.Append()
    await stream.write(request(1, write(1, epoch, position, *records)))
    assert not (await stream.read()).fenced_shards
    stream.cancel()


async def test_an_execution_is_the_fold_of_its_journal(client):
    plan, _ = await put_flow(client)
    await append(client, *history(plan))
    asked = wf.GetExecutionRequest(execution_id=an_id(1))
    execution = (await call(client.query.GetExecution, asked)).execution
    assert execution.status == EXECUTION_STATUS_FAILED
    assert (execution.last_seq, execution.failed_node) == (6, "b")
    assert execution.failure.reason == "SCRIPT_ERROR"
    assert execution.params.json == b'{"p":1}'
    assert execution.finished_at.ToMicroseconds() == US + 6
    a, b = execution.nodes
    assert (a.id, a.status, a.output.json, a.attempt) == ("a", NODE_STATUS_COMPLETED, b"1", 1)
    assert a.finished_at.ToMicroseconds() == US + 5
    assert (b.id, list(b.needs), b.failure.message) == ("b", ["a"], "boom")


async def test_a_live_execution_says_what_it_waits_for(client):
    plan, _ = await put_flow(client)
    await append(client, history(plan)[0])
    asked = wf.GetExecutionRequest(execution_id=an_id(1))
    execution = (await call(client.query.GetExecution, asked)).execution
    assert execution.last_seq == 2
    assert [node.waiting_for for node in execution.nodes] == [
        "Waits for a free worker in pool default.",
        "Waits for a to end.",
    ]


async def test_other_accounts_find_nothing(client):
    plan, _ = await put_flow(client)
    await append(client, *history(plan))
    for method, asked in (
        (client.query.GetExecution, wf.GetExecutionRequest(execution_id=an_id(1))),
        (client.query.ReadEvents, pb.ReadEventsRequest(execution_id=an_id(1))),
        (client.query.GetWorkflow, wf.GetWorkflowRequest(name="two")),
        (client.query.ListWorkflowVersions, wf.ListWorkflowVersionsRequest(name="two")),
        (
            client.query.GetDefinition,
            pb.GetDefinitionRequest(definition_hash=plan.definition_hash),
        ),
    ):
        with pytest.raises(NotFound):
            await call(method, asked, tenant="other")
    listed = await call(client.query.ListExecutions, wf.ListExecutionsRequest(), tenant="other")
    assert not listed.executions
    assert not (await call(client.query.ListWorkflows, wf.ListWorkflowsRequest(), tenant="other")
    ).workflows  # fmt: skip


async def test_a_list_is_paged_by_tokens(client):
    await append(client, *(start(n, tags=["x"] if n % 2 else []) for n in range(1, 8)))
    seen, token = [], ""
    while True:
        asked = wf.ListExecutionsRequest(tag="x", page_size=2, page_token=token)
        page = await call(client.query.ListExecutions, asked)
        seen += [int(one.id[3:]) for one in page.executions]
        token = page.next_page_token
        if not token:
            break
    assert seen == [7, 5, 3, 1]


async def test_wrong_requests_are_answered_with_cause_and_fix(client):
    await append(client, *(start(n) for n in range(1, 4)))
    listed = await call(client.query.ListExecutions, wf.ListExecutionsRequest(page_size=1))
    for method, asked in (
        (client.query.GetExecution, wf.GetExecutionRequest(execution_id="nonsense")),
        (client.query.ReadEvents, pb.ReadEventsRequest(execution_id="01J")),
        (client.query.ListExecutions, wf.ListExecutionsRequest(page_size=501)),
        (client.query.ListExecutions, wf.ListExecutionsRequest(page_token="%%%")),
        (
            client.query.ListExecutions,
            wf.ListExecutionsRequest(page_token=listed.next_page_token, tag="other"),
        ),
        (client.query.ListWorkflows, wf.ListWorkflowsRequest(page_token="abc")),
        (client.payload.GetPayload, pb.GetPayloadRequest(digest="x")),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await call(method, asked)
        assert caught.value.fix, asked
    with pytest.raises(InvalidArgument):
        await call(client.query.ListExecutions, wf.ListExecutionsRequest(statuses=[99]))
    with pytest.raises(InvalidArgument):
        await call(client.query.PutWorkflow, pb.PutWorkflowRequest())


async def test_what_is_not_there_is_not_found(client):
    await put_flow(client)
    for method, asked in (
        (client.query.GetExecution, wf.GetExecutionRequest(execution_id=an_id(77))),
        (client.query.ReadEvents, pb.ReadEventsRequest(execution_id=an_id(77))),
        (client.query.GetWorkflow, wf.GetWorkflowRequest(name="unknown")),
        (client.query.GetWorkflow, wf.GetWorkflowRequest(name="two", version=9)),
        (client.query.GetDefinition, pb.GetDefinitionRequest(definition_hash="h")),
        (client.payload.GetPayload, pb.GetPayloadRequest(digest="0" * 64)),
    ):
        with pytest.raises(NotFound):
            await call(method, asked)


async def test_part_of_a_journal_is_read_from_any_event_on(client):
    await append(client, start(1), step(1, 3), step(1, 5))
    asked = pb.ReadEventsRequest(execution_id=an_id(1), after_seq=3, rows_max=1)
    answer = await call(client.query.ReadEvents, asked)
    assert [batch.first_seq for batch in answer.batches] == [4]
    assert answer.more
    asked.after_seq = 4
    answer = await call(client.query.ReadEvents, asked)
    assert [batch.first_seq for batch in answer.batches] == [5]
    assert not answer.more
    asked.after_seq = 6
    assert not (await call(client.query.ReadEvents, asked)).batches


async def test_workflows_are_stored_and_listed(client):
    _, first = await put_flow(client, nodes=["a", "b"], params_schema_json=b"{}")
    _, again = await put_flow(client)
    _, second = await put_flow(client, FLOW.replace("return 1", "return 2"))
    assert (first.created, again.created, second.created) == (True, False, True)
    assert (again.workflow.version, second.workflow.version) == (1, 2)
    found = await call(client.query.GetWorkflow, wf.GetWorkflowRequest(name="two", version=1))
    assert found.workflow.source == FLOW
    listed = await call(client.query.ListWorkflows, wf.ListWorkflowsRequest())
    assert [(one.name, one.version) for one in listed.workflows] == [("two", 2)]
    asked = wf.ListWorkflowVersionsRequest(name="two", page_size=1)
    page = await call(client.query.ListWorkflowVersions, asked)
    assert [one.version for one in page.versions] == [2]
    asked.page_token = page.next_page_token
    page = await call(client.query.ListWorkflowVersions, asked)
    assert [one.version for one in page.versions] == [1]
    assert not page.next_page_token


async def test_payloads_travel_by_content(client):
    value = json.dumps(["x" * 100_000]).encode()
    put = await call(client.payload.PutPayload, pb.PutPayloadRequest(json=value))
    assert put.ref.size_bytes == len(value)
    got = await call(client.payload.GetPayload, pb.GetPayloadRequest(digest=put.ref.digest))
    assert got.json == value
    asked = pb.GetPayloadRequest(digest=put.ref.digest)
    with pytest.raises(NotFound):
        await call(client.payload.GetPayload, asked, tenant="other")


async def test_the_largest_payload_fits_and_more_is_refused(client):
    largest = bytes(64 * 1024 * 1024 - 64 * 1024)
    put = await call(client.payload.PutPayload, pb.PutPayloadRequest(json=largest), timeout_s=60)
    asked = pb.GetPayloadRequest(digest=put.ref.digest)
    assert (await call(client.payload.GetPayload, asked, timeout_s=60)).json == largest
    with pytest.raises(PayloadTooLarge):
        await call(client.payload.PutPayload, pb.PutPayloadRequest(json=largest + b"1"))
