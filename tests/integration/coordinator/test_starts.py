"""Starting: streams, keys, checks, limits, backing service away."""

import asyncio

import pytest

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import (
    IdempotencyConflict,
    InvalidArgument,
    InvalidParams,
    InvalidWorkflow,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
)
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import keep_all, open_worker

ONE = """
flow: 1
id: one
params:
  n: {type: integer, default: 3}
  text: {type: string, default: ""}
nodes:
  a: {run: "return params.n"}
"""

ORDER = """
flow: 1
id: order
nodes:
  pay: {uses: http@1, with: {method: POST, url: "https://pay.example/charge"}}
"""


@pytest.fixture
async def applied(running):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=ONE))
    return running


async def start(running, workflow="one", **more) -> pb.StartExecutionResponse:
    return await call(
        running.stub.StartExecution, pb.StartExecutionRequest(workflow=workflow, **more)
    )


async def test_a_stream_answers_the_start_and_then_the_end(applied):
    stream = applied.stub.StartExecutions()
    async with open_worker(applied.channel):
        starts = [
            pb.CorrelatedStart(
                correlation_id=n,
                tenant="default",
                start=pb.StartExecutionRequest(workflow="one", wait_for=pb.WAIT_FOR_ENDED),
            )
            for n in range(50)
        ]
        starts.append(
            pb.CorrelatedStart(
                correlation_id=99, start=pb.StartExecutionRequest(workflow="nothing")
            )
        )
        await stream.write(pb.StartExecutionsRequest(starts=starts))
        await stream.done_writing()
        told: dict[int, list[str]] = {}
        async for message in stream:
            for answer in message.answers:
                kind = answer.WhichOneof("kind")
                what = answer.response.status if kind == "response" else answer.refused.reason
                told.setdefault(answer.correlation_id, []).append(what)
    assert told.pop(99) == ["NOT_FOUND"]
    assert told == {n: [1, 2] for n in range(50)}


async def test_a_repeated_start_meets_the_first_one(applied, state):
    first = await start(applied, idempotency_key="k")
    again = await start(applied, idempotency_key="k")
    assert (first.existing, again.existing) == (False, True)
    assert first.execution_id == again.execution_id
    async with open_worker(applied.channel):
        ended = await start(applied, idempotency_key="k", wait_for=pb.WAIT_FOR_ENDED)
        assert (ended.execution_id, ended.status, ended.existing) == (first.execution_id, 2, True)
    late = await start(applied, idempotency_key="k", wait_for=pb.WAIT_FOR_ENDED)
    assert (late.execution_id, late.status, late.output.json) == (first.execution_id, 2, b"1")
    assert len(state.histories) == 1


async def test_repeated_starts_at_the_same_time_are_one(applied, state):
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(start(applied, idempotency_key="k")) for _ in range(20)]
    answers = [one.result() for one in calls]
    assert len({a.execution_id for a in answers}) == 1
    assert sum(not a.existing for a in answers) == 1
    assert len(state.histories) == 1


async def test_one_key_for_two_different_starts_is_refused(applied):
    await start(applied, idempotency_key="k", params_json=b'{"n":1}')
    with pytest.raises(IdempotencyConflict):
        await start(applied, idempotency_key="k", params_json=b'{"n":2}')


async def test_a_key_that_was_used_before_a_restart_still_counts(opened, state):
    async with opened(state) as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=ONE))
        async with open_worker(running.channel):
            first = await start(running, idempotency_key="k", wait_for=pb.WAIT_FOR_ENDED)
    async with opened(state) as running:
        again = await start(running, idempotency_key="k")
        assert (again.execution_id, again.existing, again.status) == (first.execution_id, True, 2)
        with pytest.raises(IdempotencyConflict):
            await start(running, idempotency_key="k", tags=["other"])


async def test_parameters_are_checked_and_get_their_defaults(applied, state):
    answer = await start(applied)
    started = state.histories[answer.execution_id][0].events[0].execution_started
    assert started.params.json == b'{"n":3,"text":""}'
    with pytest.raises(InvalidParams) as told:
        await start(applied, params_json=b'{"n":"x","m":1}')
    assert {issue["code"] for issue in told.value.issues} == {"BAD_PARAM", "UNKNOWN_PARAM"}
    with pytest.raises(InvalidArgument):
        await start(applied, params_json=b"[1]")
    with pytest.raises(InvalidArgument):
        await start(applied, trigger_json=b"{")


async def test_large_parameters_travel_by_reference(applied, state):
    text = "x" * 100_000
    answer = await start(applied, params_json=f'{{"text":"{text}"}}'.encode())
    started = state.histories[answer.execution_id][0].events[0].execution_started
    assert state.payloads[started.params.ref.digest] == f'{{"n":3,"text":"{text}"}}'.encode()
    with pytest.raises(PayloadTooLarge):
        await start(applied, params_json=b'{"text":"' + b"x" * 2_000_000 + b'"}')


async def test_a_new_version_runs_from_the_next_start_on(applied):
    assert (await start(applied)).version == 1
    source = ONE.replace("return params.n", "return 2")
    applied_again = await call(applied.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    assert applied_again.created
    assert (await start(applied)).version == 2
    assert (await start(applied, version=1)).version == 1


async def test_starts_of_a_known_workflow_ask_nobody(applied, state):
    await start(applied)
    state.calls.clear()
    for _ in range(10):
        await start(applied)
    assert set(state.calls) <= {"join", "get_workflow"}
    assert state.calls.count("get_workflow") <= 2


async def test_a_wrong_file_is_told_with_place_and_cause(running):
    request = pb.ValidateWorkflowRequest(source="flow: 1\nid: x\nnodes:\n  a: {ruin: 1}\n")
    answer = await call(running.stub.ValidateWorkflow, request)
    assert not answer.valid
    assert answer.issues[0].line == 4
    with pytest.raises(InvalidWorkflow):
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source="flow: 1"))


async def test_unknown_things_are_not_found(applied):
    with pytest.raises(NotFound):
        await start(applied, "nothing")
    unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for stub, request in (
        (applied.stub.CancelExecution, pb.CancelExecutionRequest(execution_id=unknown)),
        (applied.stub.SignalExecution, pb.SignalExecutionRequest(execution_id=unknown, name="s")),
        (applied.stub.GetExecution, pb.GetExecutionRequest(execution_id=unknown)),
    ):
        with pytest.raises(NotFound):
            await call(stub, request)
    with pytest.raises(InvalidArgument):
        await call(applied.stub.CancelExecution, pb.CancelExecutionRequest(execution_id="x"))


async def test_another_tenant_sees_nothing(applied):
    answer = await start(applied)
    request = pb.CancelExecutionRequest(execution_id=answer.execution_id)
    with pytest.raises(NotFound):
        await call(applied.stub.CancelExecution, request, tenant="other")
    with pytest.raises(NotFound):
        await call(
            applied.stub.StartExecution, pb.StartExecutionRequest(workflow="one"), tenant="other"
        )


async def test_above_the_limit_starts_are_refused(opened, state):
    async with opened(state, executions_max=2) as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=ONE))
        await start(running)
        await start(running)
        with pytest.raises(LimitExceeded):
            await start(running)


async def test_without_state_starts_are_refused_and_nothing_is_lost(applied, state):
    await start(applied)
    applied.journal.connected = False
    with pytest.raises(Unavailable):
        await start(applied)
    applied.journal.connected = True
    async with open_worker(applied.channel):
        assert (await start(applied, wait_for=pb.WAIT_FOR_ENDED)).status == 2


async def test_a_lost_answer_of_an_append_changes_nothing(applied, state):
    applied.journal.breaks = 2
    async with open_worker(applied.channel):
        answer = await start(applied, wait_for=pb.WAIT_FOR_ENDED)
    assert answer.status == 2
    assert len(state.histories) == 1


async def test_first_nodes_without_effects_are_handed_out_before_the_start_is_on_disk(applied):
    async with open_worker(applied.channel, keep_all) as worker:
        applied.journal.going.clear()
        waiting = asyncio.ensure_future(start(applied))
        await worker.until(lambda: len(worker.tasks) == 1)
        assert not waiting.done()
        applied.journal.going.set()
        await waiting


async def test_a_node_with_effects_is_not_handed_out_before_the_start_is_on_disk(applied):
    await call(applied.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=ORDER))
    await start(applied, workflow="order")
    async with open_worker(applied.channel, keep_all, types=("http@1",)) as worker:
        await worker.until(lambda: len(worker.tasks) == 1)
        applied.journal.going.clear()
        waiting = asyncio.ensure_future(start(applied, workflow="order"))
        while applied.shell.turns.waiting or len(applied.shell.executions) < 2:
            await asyncio.sleep(0)
        await worker.say(worker_heartbeat())
        assert len(worker.tasks) == 1
        assert not waiting.done()
        applied.journal.going.set()
        await waiting
        await worker.until(lambda: len(worker.tasks) == 2)


def worker_heartbeat():
    from penstock.api.dispatch.v1.dispatch_service_pb2 import WorkRequest

    return WorkRequest(heartbeat=True)


async def test_a_signal_is_taken_and_repeated_ones_are_one(applied, state):
    answer = await start(applied)
    request = pb.SignalExecutionRequest(
        execution_id=answer.execution_id, name="go", payload_json=b"1", signal_id="s1"
    )
    await call(applied.stub.SignalExecution, request)
    await call(applied.stub.SignalExecution, request)
    assert state.events(answer.execution_id).count("signal_received") == 1
    with pytest.raises(PenstockError):
        await call(
            applied.stub.SignalExecution,
            pb.SignalExecutionRequest(execution_id=answer.execution_id),
        )
