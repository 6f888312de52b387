"""Items under a limit whose execution has ended when they come to the gate: what is decided is
carried out once it is on disk, and by then more was decided."""

import asyncio

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from penstock.coordinator.core.inputs import SignalArrived
from penstock.workflow.execution.values import NULL
from support.coordinator.memory_worker import completed, open_worker
from support.coordinator.sleeping import until

EACH = """
flow: 1
id: each
nodes:
  pay: {for_each: "${{ [1, 2] }}", run: "return 1", concurrency: {key: "b-${{ item }}", limit: 1}}
"""


def fan(group, task):
    if task.ref.item:
        return completed(task.ref)
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    outcome.fanned_out.count = 2
    outcome.fanned_out.items_json.extend([b"1", b"2"])
    return outcome


async def test_items_whose_execution_is_cancelled_before_they_are_on_disk_go_nowhere(opened, state):
    async with opened(state) as running:
        await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=EACH))
        request = pb.StartExecutionRequest(workflow="each")
        execution_id = (await call(running.stub.StartExecution, request)).execution_id
        turns = running.shell.turns
        await until(lambda: not len(turns.appends))
        running.journal.going.clear()
        turns.put(running.shell.executions.by_id[execution_id], SignalArrived("go", NULL))
        await until(lambda: len(turns.appends) == 1)
        async with open_worker(running.channel, fan) as worker, asyncio.TaskGroup() as group:
            await until(lambda: turns.waiting == 1)
            cancel = pb.CancelExecutionRequest(execution_id=execution_id, reason="enough")
            group.create_task(call(running.stub.CancelExecution, cancel))
            await until(lambda: turns.waiting == 2)
            running.journal.going.set()
        await until(lambda: state.ended(execution_id))
        assert [task.ref.item for _, task, _ in worker.tasks] == [0]
        assert not running.shell.limits.claims
        assert (await call(running.stub.StartExecution, request)).execution_id
