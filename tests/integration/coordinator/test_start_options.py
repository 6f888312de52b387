"""What a start may ask for beyond parameters, over the contract."""

import json

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import IdempotencyConflict, InvalidArgument
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import open_worker
from support.coordinator.sleeping import HOUR_US, TurnedClock, until

FLOW = """
flow: 1
id: simple
nodes:
  a: {run: "return 1"}
"""
OTHER = FLOW.replace("simple", "other")


async def start(running, workflow="simple", key="", **options) -> pb.StartExecutionResponse:
    request = pb.StartExecutionRequest(workflow=workflow, idempotency_key=key)
    request.options.CopyFrom(pb.StartOptions(**options))
    return await call(running.stub.StartExecution, request)


@pytest.fixture
async def applied(running):
    for source in (FLOW, OTHER):
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    return running


async def test_a_delayed_start_is_on_disk_at_once_and_runs_when_it_is_due(opened, state):
    clock = TurnedClock()
    async with (
        opened(state, clock=clock, dormant_after_ms=10) as running,
        open_worker(running.channel),
    ):
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FLOW))
        answer = await start(running, delay=Duration(seconds=3600))
        assert state.events(answer.execution_id) == ["execution_started"]
        assert state.resting[answer.execution_id] > clock.now_us() + 0.9 * HOUR_US
        await until(lambda: not running.shell.executions.by_id)
        clock.ahead_us = HOUR_US + 1_000_000
        await until(lambda: state.ended(answer.execution_id))
    assert state.events(answer.execution_id)[:3] == [
        "execution_started",
        "start_due",
        "nodes_queued",
    ]


async def test_a_delayed_start_can_be_cancelled(applied, state):
    answer = await start(applied, not_before=Timestamp(seconds=4_000_000_000))
    cancel = pb.CancelExecutionRequest(execution_id=answer.execution_id)
    await call(applied.stub.CancelExecution, cancel)
    assert state.ended(answer.execution_id)


async def test_what_was_asked_for_stands_in_the_journal(applied, state):
    answer = await start(
        applied, priority_plus_one=1, vars_json=b'{"n": 1}', deadline=Duration(seconds=60)
    )
    started = state.histories[answer.execution_id][0]
    options = started.events[0].execution_started.options
    assert (options.priority_plus_one, json.loads(options.vars_json)) == (1, {"n": 1})
    assert options.deadline_unix_us <= started.at_unix_us + 60_000_000
    assert options.deadline_unix_us > started.at_unix_us


async def test_starts_with_one_id_are_one_start(applied, state):
    first = await start(applied, execution_id="order-42")
    again = await start(applied, execution_id="order-42")
    assert (again.execution_id, again.existing) == (first.execution_id, True)
    assert len(state.histories) == 1


@pytest.mark.parametrize("change", [{"workflow": "other"}, {"priority_plus_one": 3}])
async def test_an_id_that_was_used_for_another_start_is_refused(applied, change):
    await start(applied, execution_id="order-42")
    with pytest.raises(IdempotencyConflict, match="order-42"):
        await start(applied, execution_id="order-42", **change)


async def test_everything_that_is_wrong_is_told(applied, state):
    with pytest.raises(InvalidArgument) as told:
        await start(
            applied,
            key="k",
            priority_plus_one=12,
            delay=Duration(seconds=-1),
            not_before=Timestamp(seconds=1),
            deadline=Duration(),
            execution_id="x" * 300,
            vars_json=b"[]",
        )
    for name in ("priority", "not_before", "delay", "deadline", "execution_id", "vars"):
        assert f"`{name}`" in told.value.message
    assert not state.histories
