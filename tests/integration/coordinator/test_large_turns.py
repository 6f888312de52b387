"""However much is told at once, what a turn writes stays small enough to be sent."""

from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.rpc.channel import call
from penstock.coordinator.core.inputs import SignalArrived
from penstock.coordinator.shell.turns import TURN_BYTES
from penstock.workflow.execution.values import NULL
from support.coordinator.memory_worker import completed, open_worker
from support.coordinator.sleeping import until

WIDTH = 250
OUTPUT = b'"' + b"x" * 60_000 + b'"'
WIDE = "flow: 1\nid: wide\nnodes:\n" + "".join(
    f"  n{number}: {{run: 'return 1'}}\n" for number in range(WIDTH)
)
LARGE = TURN_BYTES + 1024 * 1024
"""Beyond the limit of a turn there is its last input, and what is around the values."""


ALL = ", ".join(f"n{number}" for number in range(WIDTH))
READERS = f"  m: {{needs: [{ALL}], run: return 1}}\n" + "".join(
    f"  r{number}: {{needs: [m, n{number}], run: 'return input'}}\n" for number in range(WIDTH)
)
FAN_IN = 900
JOIN = "flow: 1\nid: join\nnodes:\n" + "".join(
    f"  n{number}: {{run: 'return 1'}}\n" for number in range(FAN_IN)
)
JOIN += (
    f"  all: {{needs: [{', '.join(f'n{number}' for number in range(FAN_IN))}], run: return 1}}\n"
)


def largest_append(running) -> int:
    return max(request.ByteSize() for request in running.journal.sent)


async def start(running, source, workflow):
    await call(running.stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=source))
    request = pb.StartExecutionRequest(workflow=workflow)
    return (await call(running.stub.StartExecution, request)).execution_id


async def test_reports_that_gather_while_state_is_slow_go_in_several_appends(opened, state):
    async with opened(state) as running:
        execution_id = await start(running, WIDE, "wide")
        running.journal.going.clear()
        live = running.shell.executions.by_id[execution_id]
        running.shell.turns.put(live, SignalArrived("go", NULL))
        await until(lambda: len(running.shell.turns.appends) == 1)

        def decide(group, task):
            return completed(task.ref, OUTPUT)

        async with open_worker(running.channel, decide, credit_count=1_000) as worker:
            await worker.until(lambda: len(worker.tasks) == WIDTH)
            await until(lambda: running.shell.turns.waiting == WIDTH)
            running.journal.going.set()
            await until(lambda: len(worker.committed) == WIDTH)
        assert state.ended(execution_id)
        assert largest_append(running) < LARGE


async def test_what_ready_nodes_read_together_goes_to_a_worker_in_portions(opened, state):
    async with opened(state) as running:

        def decide(group, task):
            return completed(task.ref, OUTPUT if task.ref.node < WIDTH else b"1")

        async with open_worker(running.channel, decide, credit_count=1_000) as worker:
            execution_id = await start(running, WIDE + READERS, "wide")
            await until(lambda: state.ended(execution_id))
        assert len(worker.tasks) == 2 * WIDTH + 1
        readers = [group for _, task, group in worker.tasks if task.ref.node > WIDTH]
        assert max(group.ByteSize() for group in readers) < 5 * 1024 * 1024


async def test_a_node_that_reads_more_than_a_message_takes_fails_and_says_so(opened, state):
    async with opened(state) as running:

        def decide(group, task):
            return completed(task.ref, OUTPUT)

        async with open_worker(running.channel, decide, credit_count=1_000) as worker:
            execution_id = await start(running, JOIN, "join")
            await until(lambda: state.ended(execution_id))
        assert len(worker.tasks) == FAN_IN
        last = state.histories[execution_id][-1].events[-1].execution_ended
        assert last.failure.reason == "INPUT_TOO_LARGE"
