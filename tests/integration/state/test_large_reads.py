"""Reads of executions that are large: what is carried, and how many go on at once."""

import asyncio
import json

import pytest

from penstock.api.history.v1 import history_service_pb2 as hs
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import InvalidArgument, NotFound
from penstock.common.journal_codec import encode_batch
from penstock.common.rpc.channel import call
from penstock.nodes import catalog
from penstock.state.reading.events import EVENTS_MAX
from penstock.workflow.compile import compile_source
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.leaving_out import OUTPUT_BYTES_MAX
from penstock.workflow.execution.values import ExecutionStatus, NodeRef, Payload
from support.state_rows import an_id, end, request, start, step, write

NODES = 300
US = 1_700_000_000_000_000
LARGE = json.dumps("x" * 60_000).encode()


def large(node: int) -> bytes:
    """Every third output is small."""
    return LARGE if node % 3 else b'{"n":%d}' % node


@pytest.fixture
async def wide(client):
    """An execution of many nodes with 12 MB of outputs, a row each, that has completed."""
    nodes = "\n".join(f"  n{n}: {{run: 'return 1'}}" for n in range(NODES))
    source = f"flow: 1\nid: wide\noutput: ${{{{ nodes.n0.output }}}}\nnodes:\n{nodes}\n"
    plan = compile_source(source, catalog())
    workflow = wf.Workflow(name=plan.name, definition_hash=plan.definition_hash, source=source)
    await call(client.query.PutWorkflow, pb.PutWorkflowRequest(workflow=workflow))
    begun = ev.ExecutionStarted("wide", 1, plan.definition_hash, "default", Payload(b"{}"))
    rows = [[begun, ev.NodesQueued(tuple(range(NODES)))]]
    rows += [[ev.NodeCompleted(NodeRef(n), Payload(large(n)))] for n in range(NODES)]
    rows[-1].append(ev.ExecutionEnded(ExecutionStatus.COMPLETED, output=Payload(b'{"n":0}')))
    records, seq = [], 1
    for events in rows:
        last = seq + len(events) - 1
        record = start(1) if seq == 1 else end(1, seq, 2) if events is rows[-1] else step(1, seq)
        record.last_seq = last
        record.body = encode_batch(an_id(1), seq, US + last, events)
        record.projection.definition_hash = plan.definition_hash if seq == 1 else ""
        records.append(record)
        seq = last + 1
    await append(client, records)
    return an_id(1)


async def append(client, records):
    epoch = await client.lease()
    stream = client.journal.Append()
    await stream.write(request(1, write(1, epoch, 1, *records)))
    assert not (await stream.read()).fenced_shards
    stream.cancel()


async def read(client, execution_id, **asked) -> wf.Execution:
    wanted = wf.GetExecutionRequest(execution_id=execution_id, **asked)
    return (await call(client.query.GetExecution, wanted)).execution


async def test_outputs_that_are_too_much_together_are_told_by_their_size(client, wide):
    found = await read(client, wide)
    assert len(found.nodes) == NODES
    told = sum(len(node.output.json) for node in found.nodes)
    assert OUTPUT_BYTES_MAX - len(LARGE) < told < OUTPUT_BYTES_MAX + 512 * NODES
    for index, node in enumerate(found.nodes):
        if node.HasField("output"):
            assert (node.output.json, node.output_bytes) == (large(index), 0)
        else:
            assert node.output_bytes == len(LARGE)
    assert all(node.HasField("output") for node in found.nodes[::3]), "small ones stay"
    assert found.output.json == b'{"n":0}'


async def test_what_is_left_out_is_read_by_node(client, wide):
    found = await read(client, wide, node="n299")
    assert [node.id for node in found.nodes] == ["n299"]
    assert found.nodes[0].output.json == LARGE
    past = hs.GetExecutionAtRequest(execution_id=wide, seq=3 + 298, node="n298")
    at = (await call(client.history.GetExecutionAt, past)).execution
    assert [(node.id, node.output.json) for node in at.nodes] == [("n298", LARGE)]
    with pytest.raises(NotFound, match="no node 'n2990'") as refused:
        await read(client, wide, node="n2990")
    assert "n29" in refused.value.fix
    with pytest.raises(InvalidArgument):
        await read(client, wide, node="n1", detail=wf.EXECUTION_DETAIL_OUTLINE)


async def test_nodes_are_told_without_outputs(client, wide):
    found = await read(client, wide, detail=wf.EXECUTION_DETAIL_NODES)
    assert [node.output_bytes for node in found.nodes] == [len(large(n)) for n in range(NODES)]
    assert not any(node.HasField("output") for node in found.nodes)
    assert {node.status for node in found.nodes} == {5}


async def test_an_outline_has_status_and_times_and_nothing_large(client, wide):
    whole = await read(client, wide)
    outline = await read(client, wide, detail=wf.EXECUTION_DETAIL_OUTLINE)
    for field in ("status", "started_at", "workflow", "version", "last_seq"):
        assert getattr(outline, field) == getattr(whole, field), field
    assert not outline.nodes
    result = await read(client, wide, detail=wf.EXECUTION_DETAIL_RESULT)
    assert (result.status, result.output.json) == (whole.status, b'{"n":0}')
    assert not result.nodes
    names = await read(client, wide, detail=wf.EXECUTION_DETAIL_NAMES)
    assert [node.id for node in names.nodes] == [node.id for node in whole.nodes]
    assert names.ByteSize() < 20 * NODES


async def test_histories_are_compared_though_their_outputs_are_too_much(client, wide):
    asked = hs.CompareExecutionsRequest(left=wide, right=wide)
    assert (await call(client.history.CompareExecutions, asked)).same


async def test_a_history_is_read_in_parts_of_bounded_weight_without_gap_or_repeat(client, wide):
    seen, after, more = [], 0, True
    while more:
        asked = pb.ReadEventsRequest(execution_id=wide, after_seq=after)
        answer = await call(client.query.ReadEvents, asked)
        assert answer.ByteSize() < 2.2 * 1024 * 1024
        for batch in answer.batches:
            seen += range(batch.first_seq, batch.first_seq + len(batch.events))
        after, more = seen[-1], answer.more
    assert seen == list(range(1, NODES + 4))


@pytest.mark.parametrize("events_max", [0, 300])
async def test_a_row_of_many_events_is_cut(client, events_max):
    skipped = [ev.NodesSkipped((0,), 1)] * (2 * EVENTS_MAX + 5)
    record = start(1)
    record.last_seq = len(skipped)
    record.body = encode_batch(an_id(1), 1, US, skipped)
    await append(client, [record])
    most = events_max or EVENTS_MAX
    seen, sizes, more = 0, [], True
    while more:
        asked = pb.ReadEventsRequest(execution_id=an_id(1), after_seq=seen, events_max=events_max)
        answer = await call(client.query.ReadEvents, asked)
        assert answer.batches[0].first_seq == seen + 1
        sizes.append(sum(len(batch.events) for batch in answer.batches))
        seen, more = seen + sizes[-1], answer.more
    assert set(sizes[:-1]) == {most}
    assert seen == len(skipped)


async def test_a_crowd_is_served_a_few_at_a_time(client, wide):
    crowd = [asyncio.ensure_future(read(client, wide)) for _ in range(12)]
    assert {len((await one).nodes) for one in crowd} == {NODES}
