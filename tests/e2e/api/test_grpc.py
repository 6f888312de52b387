"""The public WorkflowService and the standard services, over gRPC as any client would use them."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from penstock.api.journal.v1 import journal_pb2
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2_grpc as rpc
from penstock.common.errors import InvalidArgument, InvalidParams, InvalidWorkflow, NotFound
from penstock.common.rpc.channel import call, open_channel
from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

FLOW = (
    "flow: 1\nid: grpc-hello\nparams: {n: {type: number}}\nnodes: {a: {run: 'return params.n;'}}\n"
)


@pytest.fixture
async def channel(cluster: ClusterFile) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(cluster.coordinator_address) as opened:
        yield opened


@pytest.fixture
async def stub(channel: grpc.aio.Channel) -> rpc.WorkflowServiceStub:
    stub = rpc.WorkflowServiceStub(channel)
    await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source=FLOW))
    return stub


def start(n: bytes = b'{"n": 4}', wait: int = pb.WAIT_FOR_ENDED) -> pb.StartExecutionRequest:
    return pb.StartExecutionRequest(workflow="grpc-hello", params_json=n, wait_for=wait)


async def test_a_start_can_wait_for_the_result(stub: rpc.WorkflowServiceStub):
    answer = await call(stub.StartExecution, start())
    assert answer.status == journal_pb2.EXECUTION_STATUS_COMPLETED
    assert answer.output.json == b"4"


async def test_a_stream_of_starts_is_answered_by_correlation_id(stub: rpc.WorkflowServiceStub):
    async def requests() -> AsyncIterator[pb.StartExecutionsRequest]:
        batch = pb.StartExecutionsRequest()
        for n in range(100):
            batch.starts.add(correlation_id=n, start=start(b'{"n": %d}' % n))
        batch.starts.add(correlation_id=100, start=pb.StartExecutionRequest(workflow="none"))
        yield batch

    outputs: dict[int, bytes] = {}
    refused: dict[int, str] = {}
    async for response in stub.StartExecutions(requests()):
        for answer in response.answers:
            if answer.WhichOneof("kind") == "refused":
                refused[answer.correlation_id] = answer.refused.reason
            elif answer.response.status == journal_pb2.EXECUTION_STATUS_COMPLETED:
                outputs[answer.correlation_id] = answer.response.output.json
        if len(outputs) + len(refused) == 101:
            break
    assert outputs == {n: b"%d" % n for n in range(100)}
    assert refused == {100: "NOT_FOUND"}


async def test_watched_events_tell_the_whole_story_in_order(stub: rpc.WorkflowServiceStub):
    answer = await call(stub.StartExecution, start(wait=pb.WAIT_FOR_ACCEPTED))
    seqs: list[int] = []
    kinds: list[str] = []
    request = pb.WatchEventsRequest(execution_id=answer.execution_id)
    async for response in stub.WatchEvents(request):
        batch = response.batch
        seqs += range(batch.first_seq, batch.first_seq + len(batch.events))
        kinds += [event.WhichOneof("kind") for event in batch.events]
    assert seqs == list(range(1, len(seqs) + 1))
    assert kinds[0] == "execution_started"
    assert kinds[-1] == "execution_ended"


async def test_errors_carry_reason_and_facts(stub: rpc.WorkflowServiceStub):
    with pytest.raises(InvalidWorkflow) as bad_file:
        await call(stub.ApplyWorkflow, pb.ApplyWorkflowRequest(source="flow: 1\nnods: {}\n"))
    assert {issue["code"] for issue in bad_file.value.issues} >= {"UNKNOWN_KEY"}
    with pytest.raises(InvalidParams) as bad_params:
        await call(stub.StartExecution, start(b'{"n": "four"}'))
    assert bad_params.value.issues[0]["path"] == "params.n"
    with pytest.raises(InvalidArgument):
        await call(stub.StartExecution, start(b"[1]"))
    with pytest.raises(InvalidArgument):
        await call(stub.StartExecution, start(b"{"))
    request = pb.GetExecutionRequest(execution_id="01ARYZ6S41TSV4RRFFQ69G5FAV")
    with pytest.raises(NotFound):
        await call(stub.GetExecution, request)
    with pytest.raises(InvalidArgument):
        await call(stub.GetExecution, pb.GetExecutionRequest(execution_id="x"))


@pytest.mark.parametrize("role", ["coordinator", "state", "sandbox", "worker"])
async def test_every_service_has_health_and_reflection(cluster: ClusterFile, role: str):
    address = getattr(cluster, f"{role}_address")
    async with open_channel(address) as opened:
        health = await health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in stub.ServerReflectionInfo(iter([ask])):
            names = {service.name for service in answer.list_services_response.service}
            assert "grpc.health.v1.Health" in names
            break
