"""One thing done to many executions: progress, repeats, a coordinator that dies on the way."""

import asyncio

import pytest

from penstock.api.operation.v1 import operation_service_pb2 as op
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidArgument,
    InvalidQuery,
    NotFound,
    Unavailable,
    WrongOwner,
)
from penstock.common.rpc.channel import call
from penstock.coordinator.shell.operations.operation_steps import Steps
from support.coordinator.memory_operations import OPEN_AT_ONCE

LONG = """
flow: 1
id: long
nodes:
  a: {uses: wait@1, with: {signal: go}}
"""
CANCEL = op.OPERATION_KIND_CANCEL


@pytest.fixture
async def twenty(running):
    """Twenty executions that nobody works on, half of them with the tag `odd`."""
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
    starts = [
        call(
            running.stub.StartExecution,
            pb.StartExecutionRequest(workflow="long", tags=["odd"] if number % 2 else []),
        )
        for number in range(20)
    ]
    return [(await each).execution_id for each in starts]


def service(running):
    return OperationServiceStub(running.channel)


async def begin(running, *, key="", dry_run=False, **task):
    request = op.StartOperationRequest(
        task=op.OperationTask(**{"kind": CANCEL, "query": "workflow:long", **task}),
        idempotency_key=key,
        dry_run=dry_run,
    )
    return await call(service(running).StartOperation, request)


async def ended(running, operation_id):
    async with asyncio.timeout(20):
        while True:
            request = op.GetOperationRequest(operation_id=operation_id)
            found = (await call(service(running).GetOperation, request)).operation
            if found.state != op.OPERATION_STATE_RUNNING:
                return found
            await asyncio.sleep(0.01)


def counts(operation):
    return operation.done, operation.skipped, operation.failed


async def test_what_a_query_finds_is_cancelled(running, state, twenty):
    begun = await begin(running, query="workflow:long tag:odd", reason="no more", rate_per_s=5000)
    assert (begun.operation.matched, begun.operation.matched_exact) == (10, True)
    done = await ended(running, begun.operation.id)
    assert done.state == op.OPERATION_STATE_COMPLETED
    assert counts(done) == (10, 0, 0)
    assert [state.ended(each) for each in twenty] == [False, True] * 10


async def test_a_dry_run_tells_and_does_nothing(running, state, twenty):
    told = await begin(running, dry_run=True)
    assert told.operation.id == ""
    assert told.operation.matched == 20
    assert len(told.sample_ids) == 10
    assert not any(map(state.ended, twenty))
    assert state.operations.rows == {}


async def test_ids_are_gone_through_and_what_there_is_not_is_told(running, twenty):
    unknown = "01J00000000000000000000000"
    begun = await begin(running, query="", execution_ids=[twenty[0], unknown, twenty[1]])
    done = await ended(running, begun.operation.id)
    assert counts(done) == (2, 1, 0)
    assert [(each.execution_id, each.reason) for each in done.failures] == [(unknown, "NOT_FOUND")]


async def test_the_same_request_again_is_the_same_operation(running, twenty):
    first = await begin(running, key="once")
    again = await begin(running, key="once")
    assert again.existing
    assert again.operation.id == first.operation.id
    await ended(running, first.operation.id)


async def test_a_key_that_was_used_for_another_operation_is_refused(running, twenty):
    first = await begin(running, key="once", query="tag:odd")
    with pytest.raises(IdempotencyConflict):
        await begin(running, key="once")
    assert counts(await ended(running, first.operation.id)) == (10, 0, 0)


async def test_an_operation_whose_creation_was_not_answered_is_carried_out(
    running, state, twenty, monkeypatch
):
    create = state.operations.create

    async def lose_the_answer(tenant, operation):
        await create(tenant, operation)
        raise Unavailable("the connection broke")

    monkeypatch.setattr(state.operations, "create", lose_the_answer)
    with pytest.raises(Unavailable):
        await begin(running, rate_per_s=5000)
    (begun,) = state.operations.rows
    assert counts(await ended(running, begun)) == (20, 0, 0)


async def test_operations_that_were_written_after_their_owner_had_looked_are_found(
    opened, state, monkeypatch
):
    monkeypatch.setattr("penstock.coordinator.shell.operations.operations._LOOK_S", 0.05)
    async with opened(state) as running:
        ids = [running.shell.starts.fresh_id()[0] for _ in range(2 * OPEN_AT_ONCE + 1)]
        for each in ids:
            late = op.Operation(id=each, state=op.OPERATION_STATE_RUNNING)
            late.task.kind = CANCEL
            late.task.execution_ids.append("01J00000000000000000000000")
            await state.operations.create("default", late)
        for each in ids:
            assert counts(await ended(running, each)) == (0, 1, 0)


async def test_one_that_was_cancelled_since_it_was_read_does_nothing_more(opened, state):
    async with opened(state) as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        started = await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        late = op.Operation(id=running.shell.starts.fresh_id()[0], state=op.OPERATION_STATE_RUNNING)
        late.task.kind = CANCEL
        late.task.execution_ids.append(started.execution_id)
        await state.operations.create("default", late)
        (read,) = await state.operations.open_of(range(state.shard_count))
        stopped = await state.operations.find("default", late.id)
        stopped.operation.state = op.OPERATION_STATE_CANCELLED
        await state.operations.save(stopped)
        running.shell.operations._take_up(read)
        async with asyncio.timeout(10):
            while running.shell.operations._running:
                await asyncio.sleep(0.01)
        assert not state.ended(started.execution_id)


async def test_what_is_over_is_skipped(running, twenty):
    await ended(running, (await begin(running)).operation.id)
    begun = await begin(running, kind=op.OPERATION_KIND_PAUSE)
    assert counts(await ended(running, begun.operation.id)) == (0, 20, 0)


async def test_executions_are_paused_and_resumed(running, twenty):
    for kind in (op.OPERATION_KIND_PAUSE, op.OPERATION_KIND_RESUME):
        begun = await begin(running, kind=kind)
        assert counts(await ended(running, begun.operation.id)) == (20, 0, 0)


async def test_a_signal_reaches_each_once(running, state, twenty):
    begun = await begin(running, kind=op.OPERATION_KIND_SIGNAL, signal_name="go", signal_json=b"1")
    await ended(running, begun.operation.id)
    assert all(state.events(each).count("signal_received") == 1 for each in twenty)


async def test_only_what_has_ended_is_deleted(running, state, twenty):
    await ended(running, (await begin(running, query="tag:odd")).operation.id)
    begun = await begin(running, kind=op.OPERATION_KIND_DELETE)
    assert counts(await ended(running, begun.operation.id)) == (10, 10, 0)
    assert sorted(state.operations.erased) == sorted(twenty[1::2])


async def test_what_a_notice_keeps_is_deleted_once_that_has_arrived(
    running, state, twenty, monkeypatch
):
    await ended(running, (await begin(running)).operation.id)
    erase, asked = state.operations.erase, []

    async def keep_for_now(tenant, execution_id):
        asked.append(execution_id)
        if asked.count(execution_id) < 3:
            raise Conflict("a notice is on its way", execution_id=execution_id, retry_after_s=1)
        await erase(tenant, execution_id)

    monkeypatch.setattr(state.operations, "erase", keep_for_now)
    begun = await begin(running, kind=op.OPERATION_KIND_DELETE)
    assert counts(await ended(running, begun.operation.id)) == (20, 0, 0)


async def test_another_coordinator_goes_on_after_the_last_page(opened, state):
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        for _ in range(230):
            await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        begun = await begin(running, rate_per_s=2000)
        async with asyncio.timeout(20):
            while state.operations.saves == 0:
                await asyncio.sleep(0)
        running.shell.shards.held.clear()
        running.shell.shards.refresh()
    kept = state.operations.rows[begun.operation.id].operation
    assert kept.state == op.OPERATION_STATE_RUNNING
    assert kept.done >= 100
    async with opened(state, address="same:1") as running:
        done = await ended(running, begun.operation.id)
    assert counts(done) == (230, 0, 0)
    assert all(map(state.ended, state.histories))
    assert all(state.events(each).count("cancel_requested") == 1 for each in state.histories)


async def cut_off(running, state, reached):
    """The coordinator loses its shards in the middle of a page, once so much is reached."""
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.sleep(0)
    running.shell.shards.held.clear()
    running.shell.shards.refresh()


async def test_what_no_longer_fits_the_query_after_a_death_is_counted_all_the_same(opened, state):
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        for _ in range(130):
            await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        begun = await begin(running, query="status:running", rate_per_s=400)
        await cut_off(running, state, lambda: sum(map(state.ended, state.histories)) > 30)
    kept = state.operations.rows[begun.operation.id].operation
    assert (kept.state, kept.done) == (op.OPERATION_STATE_RUNNING, 0)
    async with opened(state, address="same:1") as running:
        done = await ended(running, begun.operation.id)
    assert counts(done) == (130, 0, 0)
    assert all(state.events(each).count("cancel_requested") == 1 for each in state.histories)


@pytest.mark.parametrize("by_ids", [False, True], ids=["by a query", "by ids"])
async def test_what_was_deleted_before_a_death_counts_as_deleted(opened, state, by_ids):
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        for _ in range(30):
            await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        await ended(running, (await begin(running, rate_per_s=5000)).operation.id)
        chosen = {"query": "", "execution_ids": list(state.histories)} if by_ids else {}
        task = {"kind": op.OPERATION_KIND_DELETE, "rate_per_s": 100, **chosen}
        begun = await begin(running, **task)
        await cut_off(running, state, lambda: len(state.operations.erased) > 5)
    async with opened(state, address="same:1") as running:
        done = await ended(running, begun.operation.id)
    assert counts(done) == (30, 0, 0)
    assert len(state.operations.erased) == len(set(state.operations.erased)) == 30


@pytest.mark.parametrize("kind", [op.OPERATION_KIND_PAUSE, op.OPERATION_KIND_RESUME])
async def test_what_was_done_before_a_death_counts_as_done_whatever_became_of_it(
    opened, state, kind, monkeypatch
):
    paused = kind == op.OPERATION_KIND_PAUSE
    async with opened(state, address="same:1") as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        for _ in range(30):
            await call(running.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        if not paused:
            first = await begin(running, kind=op.OPERATION_KIND_PAUSE, rate_per_s=5000)
            await ended(running, first.operation.id)
        begun = await begin(running, kind=kind, rate_per_s=100)

        def touched():
            name = "execution_paused" if paused else "execution_resumed"
            return [each for each in state.histories if name in state.events(each)]

        await cut_off(running, state, lambda: len(touched()) > 5)
    make, cancelled = Steps.make, asyncio.Event()

    async def make_later(self, work):
        await cancelled.wait()
        return await make(self, work)

    monkeypatch.setattr(Steps, "make", make_later)
    async with opened(state, address="same:1") as running:
        for each in touched():
            request = pb.CancelExecutionRequest(execution_id=each)
            await call(running.stub.CancelExecution, request)
        cancelled.set()
        done = await ended(running, begun.operation.id)
    assert counts(done) == (30, 0, 0)


async def test_what_an_owner_in_between_wrote_is_gone_on_with(running, state, twenty):
    begun = await begin(running, rate_per_s=200)
    state.operations.rows[begun.operation.id].revision += 1
    assert (await ended(running, begun.operation.id)).state == op.OPERATION_STATE_COMPLETED
    assert all(map(state.ended, twenty))


async def test_executions_of_other_coordinators_are_reached(opened, state):
    async with opened(state) as one, opened(state) as two:
        async with asyncio.timeout(20):
            while not (one.shell.shards.owned and two.shell.shards.owned):
                await asyncio.sleep(0.05)
        await call(one.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=LONG))
        for each in (one, two):
            for _ in range(5):
                await call(each.stub.StartExecution, pb.StartExecutionRequest(workflow="long"))
        begun = await begin(one)
        assert counts(await ended(one, begun.operation.id)) == (10, 0, 0)
        request = op.CancelOperationRequest(operation_id=begun.operation.id)
        with pytest.raises(WrongOwner):
            await call(service(two).CancelOperation, request)


@pytest.mark.parametrize(
    ("task", "place"),
    [
        ({"kind": 0}, "kind"),
        ({"query": " "}, "query"),
        ({"execution_ids": ["01J00000000000000000000000"]}, "query"),
        ({"query": "", "execution_ids": ["x"]}, "ids"),
        ({"rate_per_s": 5001}, "rate_per_s"),
        ({"kind": op.OPERATION_KIND_SIGNAL}, "signal"),
        ({"signal_name": "go"}, "signal"),
        ({"kind": op.OPERATION_KIND_RERUN}, "from"),
        ({"version": 2}, "version"),
        ({"reason": "x" * 1001}, "reason"),
    ],
)
async def test_what_makes_no_sense_is_refused(running, task, place):
    with pytest.raises(InvalidArgument) as caught:
        await begin(running, **task)
    assert caught.value.facts["path"] == place


async def test_a_bad_query_begins_nothing(running, state):
    with pytest.raises(InvalidQuery):
        await begin(running, query="statsu:failed")
    with pytest.raises(NotFound):
        await ended(running, "01J00000000000000000000000")
    assert state.operations.rows == {}


async def test_a_fault_of_the_engine_ends_an_operation_and_says_so(
    running, state, twenty, monkeypatch
):
    async def broken(self, work):
        raise ZeroDivisionError("out of order")

    monkeypatch.setattr(Steps, "make", broken)
    begun = await begin(running)
    found = await ended(running, begun.operation.id)
    assert found.state == op.OPERATION_STATE_FAILED
    assert found.failures[-1].reason == "INTERNAL"
    assert "out of order" in found.failures[-1].message
    assert found.ended_unix_us
