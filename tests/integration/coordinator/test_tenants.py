"""What a tenant stored is found again for that tenant, whoever the tenant is (I13)."""

import pytest

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.common.errors import NotFound
from penstock.common.rpc.channel import call
from support.coordinator.memory_worker import completed, keep_all, open_worker

FAN = """
flow: 1
id: fan
params:
  text: {type: string, default: ""}
nodes:
  each: {for_each: "${{ params.text }}", run: "return item"}
"""
LARGE = b'"' + b"x" * 40_000 + b'"'


async def of_blue(running, method: str, request):
    return await call(getattr(running.stub, method), request, tenant="blue")


def fan(group, task):
    if task.ref.item:
        return completed(task.ref, LARGE)
    outcome = dispatch.NodeOutcome(ref=task.ref, started_unix_us=1, finished_unix_us=2)
    outcome.fanned_out.count = 2
    outcome.fanned_out.items_json.extend([b"1", b"2"])
    return outcome


async def test_large_params_and_joins_belong_to_the_tenant_of_the_execution(running, state):
    await of_blue(running, "ApplyWorkflow", pb.ApplyWorkflowRequest(source=FAN))
    params = b'{"text": "%s"}' % (b"y" * 80_000)
    request = pb.StartExecutionRequest(workflow="fan", params_json=params, wait_for=2)
    async with open_worker(running.channel, fan):
        answer = await of_blue(running, "StartExecution", request)
    assert {owner for owner, _ in state.payload_owners} == {"blue"}
    payloads = running.shell.state.payloads
    joined = b"[" + LARGE + b"," + LARGE + b"]"
    assert await payloads.get("blue", answer.output.ref.digest) == joined
    with pytest.raises(NotFound):
        await payloads.get("default", answer.output.ref.digest)


async def test_the_next_coordinator_goes_on_with_executions_of_every_tenant(opened, state):
    async with opened(state) as running:
        await of_blue(running, "ApplyWorkflow", pb.ApplyWorkflowRequest(source=FAN))
        async with open_worker(running.channel, keep_all) as worker:
            request = pb.StartExecutionRequest(workflow="fan", params_json=b'{"text": "a"}')
            started = await of_blue(running, "StartExecution", request)
            await worker.until(lambda: worker.tasks)
    async with opened(state) as running, open_worker(running.channel, fan) as worker:
        await worker.until(lambda: state.ended(started.execution_id))
    assert started.execution_id not in running.shell.executions.set_aside
