"""Executions from start to end, through the public service and a worker's stream."""

import asyncio

import grpc

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.dispatch.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from penstock.api.journal.v1.journal_pb2 import NodeRef
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from penstock.coordinator.shell import turns
from support.coordinator.memory_worker import complete_all, completed, keep_all, open_worker
from support.coordinator.sleeping import until

CHAIN = """
flow: 1
id: chain
nodes:
  a: {run: "return 1"}
  b: {needs: [a], run: "return input.a + 1"}
  c: {needs: [b], run: "return input.b + 1"}
output: ${{ nodes.c.output }}
"""

FAN = """
flow: 1
id: fan
params:
  n: {type: integer, default: 3}
nodes:
  each: {for_each: "${{ params.n }}", run: "return item"}
"""


async def apply(running, source: str) -> pb.ApplyWorkflowResponse:
    return await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))


async def start(running, workflow: str, **more) -> pb.StartExecutionResponse:
    request = pb.StartExecutionRequest(workflow=workflow, **more)
    return await call(running.stub.StartExecution, request)


async def test_a_chain_runs_to_its_end_node_by_node(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel) as worker:
        answer = await start(running, "chain", wait_for=pb.WAIT_FOR_ENDED)
        assert answer.status == 2
        assert answer.output.json == b"1"
        assert [task.ref.node for _, task, _ in worker.tasks] == [0, 1, 2]
        assert worker.tasks[1][2].inputs[0].output.json == b"1"
        await worker.until(lambda: len(worker.committed) == 3)
    assert state.events(answer.execution_id)[-1] == "execution_ended"
    assert len(running.shell.executions) == 0
    assert running.shell.workers.by_id["w1"].free == 100


async def test_a_segment_is_one_record(running, state):
    await apply(running, CHAIN)

    async with open_worker(running.channel, keep_all) as worker:
        answer = await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        _, task, group = worker.tasks[0]
        assert group.may_continue
        outcomes = [completed(NodeRef(node=n, attempt=1)) for n in range(3)]
        report = worker.made(answer.execution_id, task.ref, outcomes)
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed)
    assert len(state.histories[answer.execution_id]) == 2
    assert state.ended(answer.execution_id)


async def test_an_effect_waits_for_the_commit_and_then_has_the_lease(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel, keep_all) as worker:
        answer = await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        second = NodeRef(node=1, attempt=1)
        first = completed(NodeRef(node=0, attempt=1))
        report = worker.made(answer.execution_id, worker.tasks[0][1].ref, [first], second)
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed == [1])
        assert running.shell.workers.by_id["w1"].free == 99
        rest = [completed(second), completed(NodeRef(node=2, attempt=1))]
        report = worker.made(answer.execution_id, second, rest)
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.committed == [1, 2])
    assert len(worker.tasks) == 1
    assert state.ended(answer.execution_id)


async def test_a_report_without_the_lease_is_refused(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel, keep_all) as worker:
        answer = await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        stale = NodeRef(node=0, attempt=7)
        report = worker.made(answer.execution_id, stale, [completed(stale)])
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.refused == [1])
    assert not state.ended(answer.execution_id)


async def test_items_of_a_fan_out_travel_together_and_join_in_order(running, state):
    await apply(running, FAN)

    def fan(group, task):
        if task.ref.item:
            return completed(task.ref, task.item_json)
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        outcome.fanned_out.count = 3
        outcome.fanned_out.items_json.extend([b"10", b"20", b"30"])
        return outcome

    async with open_worker(running.channel, fan) as worker:
        answer = await start(running, "fan", wait_for=pb.WAIT_FOR_ENDED)
    assert answer.output.json == b"[10,20,30]"
    groups = [group for _, task, group in worker.tasks if task.ref.item]
    assert groups[0] is groups[2]


async def test_a_large_join_goes_through_the_payload_store(running, state):
    await apply(running, FAN)
    large = b'"' + b"x" * 40_000 + b'"'

    def fan(group, task):
        if task.ref.item:
            return completed(task.ref, large)
        outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
        outcome.fanned_out.count = 3
        outcome.fanned_out.items_json.extend([b"1", b"2", b"3"])
        return outcome

    async with open_worker(running.channel, fan):
        answer = await start(running, "fan", wait_for=pb.WAIT_FOR_ENDED)
    assert state.payloads[answer.output.ref.digest] == b"[" + b",".join([large] * 3) + b"]"


async def test_work_waits_until_a_worker_has_room(running, state):
    await apply(running, CHAIN)
    answers = [await start(running, "chain") for _ in range(5)]
    assert running.shell.release.ready.depth == 5
    async with open_worker(running.channel, keep_all, credit_count=2) as worker:
        await worker.until(lambda: len(worker.tasks) == 2)
        assert [t[0] for t in worker.tasks] == [a.execution_id for a in answers[:2]]
        execution_id, task, _ = worker.tasks[0]
        report = worker.made(execution_id, task.ref, [completed(task.ref)])
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: len(worker.tasks) == 3)
    assert worker.tasks[2][0] == answers[2].execution_id


async def test_pools_and_node_types_are_kept_apart(running, state):
    await apply(running, CHAIN)
    async with (
        open_worker(running.channel, worker_id="other-pool", pool="gpu") as gpu,
        open_worker(running.channel, worker_id="other-type", types=("http@1",)) as http,
        open_worker(running.channel, complete_all, worker_id="right") as right,
    ):
        await start(running, "chain", wait_for=pb.WAIT_FOR_ENDED)
    assert (len(gpu.tasks), len(http.tasks), len(right.tasks)) == (0, 0, 3)


async def test_a_draining_worker_gets_nothing(running, state):
    await apply(running, CHAIN)
    async with (
        open_worker(running.channel, worker_id="leaving") as leaving,
        open_worker(running.channel, worker_id="staying") as staying,
    ):
        await leaving.say(dispatch.WorkRequest(draining=True))
        answer = await start(running, "chain", wait_for=pb.WAIT_FOR_ENDED)
        while not running.shell.workers.by_id["leaving"].draining:
            answer = await start(running, "chain", wait_for=pb.WAIT_FOR_ENDED)
        before = len(leaving.tasks)
        answer = await start(running, "chain", wait_for=pb.WAIT_FOR_ENDED)
    assert answer.status == 2
    assert len(leaving.tasks) == before
    assert len(staying.tasks) >= 3


async def test_cancel_stops_the_worker_and_is_final(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel, keep_all) as worker:
        answer = await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        request = pb.CancelExecutionRequest(execution_id=answer.execution_id, reason="enough")
        assert (await call(running.stub.CancelExecution, request)).status == 4
        await worker.until(lambda: worker.cancels)
        assert worker.cancels[0].execution_id == answer.execution_id
        report = worker.made(
            answer.execution_id, worker.tasks[0][1].ref, [completed(worker.tasks[0][1].ref)]
        )
        await worker.say(dispatch.WorkRequest(reports=[report]))
        await worker.until(lambda: worker.refused)
        assert (await call(running.stub.CancelExecution, request)).status == 4
    assert running.shell.workers.by_id["w1"].free == 100


async def test_who_was_given_up_and_came_back_has_no_place_for_what_was_cancelled_before(
    running, state
):
    await apply(running, CHAIN)
    shell = running.shell
    async with open_worker(running.channel, keep_all) as worker:
        answer = await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        running.journal.going.clear()
        request = pb.CancelExecutionRequest(execution_id=answer.execution_id)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(call(running.stub.CancelExecution, request))
            await until(lambda: len(shell.turns.appends))
            shell.workers.by_id["w1"].broken_at = 1e-9
            shell.floor.give_up_lost()
            async with open_worker(running.channel, keep_all) as returned:
                running.journal.going.set()
                await returned.until(lambda: returned.cancels)
    assert shell.workers.by_id["w1"].free == 100


async def test_a_hello_that_was_stuck_on_its_way_takes_nothing_from_who_came_later(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel, keep_all, sent_us=2_000) as worker:
        await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        late = DispatchServiceStub(running.channel).Work()
        hello = dispatch.Hello(worker_id="w1", pool="default", credits=100)
        await late.write(dispatch.WorkRequest(hello=hello, sent_us=1_000))
        assert await late.read() == grpc.aio.EOF
        await start(running, "chain")
        await worker.until(lambda: len(worker.tasks) == 2)
        assert len({execution_id for execution_id, *_ in worker.tasks}) == 2


async def test_tasks_under_a_fence_say_when_their_worker_was_heard_of(running):
    await apply(running, CHAIN.replace('run: "return 1"', 'run: "return 1", concurrency: 1'))
    async with open_worker(running.channel, keep_all, sent_us=2_000) as worker:
        await start(running, "chain")
        await worker.until(lambda: worker.tasks)
        assert worker.echoes == [2_000]


async def test_a_report_that_makes_no_sense_fails_its_lease_and_nothing_else(running, state):
    await apply(running, CHAIN)
    async with open_worker(running.channel, keep_all) as worker:
        first, second = await start(running, "chain"), await start(running, "chain")
        await worker.until(lambda: len(worker.tasks) == 2)
        lease = NodeRef(node=0, attempt=1)
        senseless = worker.made(first.execution_id, lease, [dispatch.NodeOutcome(ref=lease)])
        uneven = dispatch.SegmentReport(report_id=2, execution_id=second.execution_id, lease=lease)
        uneven.completed.nodes.append(0)
        await worker.say(dispatch.WorkRequest(reports=[senseless, uneven]))
        await worker.until(lambda: worker.refused == [1, 2])
    for execution_id in (first.execution_id, second.execution_id):
        assert "node_failed" in state.events(execution_id)


async def test_a_record_that_cannot_be_made_sets_its_execution_aside(running, state, monkeypatch):
    await apply(running, CHAIN)
    made = turns.body_of
    broken: list[str] = []

    def body_of(live, events, now_us):
        if live.id in broken:
            raise ValueError("no such number")
        return made(live, events, now_us)

    monkeypatch.setattr(turns, "body_of", body_of)
    async with open_worker(running.channel, keep_all) as worker:
        hurt, well = await start(running, "chain"), await start(running, "chain")
        await worker.until(lambda: len(worker.tasks) == 2)
        broken.append(hurt.execution_id)
        lease = NodeRef(node=0, attempt=1)
        reports = [worker.made(one.execution_id, lease, [completed(lease)]) for one in (hurt, well)]
        await worker.say(dispatch.WorkRequest(reports=reports))
        await worker.until(lambda: worker.committed and worker.refused)
        assert (worker.refused, worker.committed) == ([1], [2])
    assert running.shell.executions.get(hurt.execution_id) is None
