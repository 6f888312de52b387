"""gRPC between services: errors with all their facts, account, health, reflection."""

from contextlib import AsyncExitStack

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1 import state_service_pb2_grpc as rpc
from penstock.common.errors import Internal, InvalidWorkflow, NotFound, Unavailable
from penstock.common.rpc.channel import call, open_channel, target_of
from penstock.common.rpc.server import call_tenant, open_server
from penstock.common.settings import BadSettings

NAME = "penstock.api.state.v1.PayloadService"


class Payloads(rpc.PayloadServiceServicer):
    async def GetPayload(self, request, context):
        if request.digest == "bug":
            raise ZeroDivisionError
        if request.digest == "tenant":
            return pb.GetPayloadResponse(json=call_tenant(context).encode())
        raise NotFound("no such payload", fix="look elsewhere", digest=request.digest)

    async def PutPayload(self, request, context):
        if len(request.json) > 1:
            long = {"code": "X", "path": request.json.decode(), "message": "é" * 9_000, "line": 3}
            raise InvalidWorkflow(issues=[long, long], workflow="w" * 9_000)
        issue = {"code": "X", "path": "nodes.a", "message": "wrong " + "x" * 200, "line": 3}
        raise InvalidWorkflow(issues=[issue] * 100)


@pytest.fixture
async def stub():
    def register(server):
        rpc.add_PayloadServiceServicer_to_server(Payloads(), server)

    async with (
        open_server("127.0.0.1:0", register, services=[NAME]) as server,
        open_channel(server.address) as channel,
    ):
        yield rpc.PayloadServiceStub(channel), channel


async def test_an_operating_error_arrives_whole(stub):
    with pytest.raises(NotFound) as caught:
        await call(stub[0].GetPayload, pb.GetPayloadRequest(digest="d"))
    assert caught.value.message == "no such payload"
    assert caught.value.fix == "look elsewhere"
    assert caught.value.facts == {"digest": "d"}


async def test_many_issues_are_cut_to_fit_and_say_so(stub):
    with pytest.raises(InvalidWorkflow) as caught:
        await call(stub[0].PutPayload, pb.PutPayloadRequest(json=b"1"))
    assert 0 < len(caught.value.issues) < 100
    assert caught.value.facts["issues_cut"] is True


@pytest.mark.parametrize("letter", ["p", "\n", "€"])
async def test_however_long_a_finding_is_one_is_told(stub, letter):
    with pytest.raises(InvalidWorkflow) as caught:
        await call(stub[0].PutPayload, pb.PutPayloadRequest(json=(letter * 300_000).encode()))
    found = caught.value.issues
    assert found[0]["line"] == 3
    assert found[0]["message"].startswith("é")
    assert found[0]["path"].startswith(letter)


async def test_a_bug_is_hidden_behind_an_internal_error(stub):
    with pytest.raises(Internal, match="ZeroDivisionError"):
        await call(stub[0].GetPayload, pb.GetPayloadRequest(digest="bug"))


async def test_a_call_that_an_older_version_does_not_know_may_be_repeated(stub):
    _, channel = stub
    with pytest.raises(Unavailable) as caught:
        await call(rpc.QueryServiceStub(channel).FindKnown, pb.FindKnownRequest())
    assert caught.value.retryable


async def test_of_several_addresses_the_next_one_is_used_when_one_is_lost():
    def register(server):
        rpc.add_PayloadServiceServicer_to_server(Payloads(), server)

    request = pb.GetPayloadRequest(digest="tenant")
    async with (
        open_server("127.0.0.1:0", register, services=[NAME]) as staying,
        AsyncExitStack() as s,
    ):
        leaving = await s.enter_async_context(open_server("127.0.0.1:0", register, services=[NAME]))
        both = f"{leaving.address},{staying.address}"
        async with open_channel(both) as channel:
            asked = call(rpc.PayloadServiceStub(channel).GetPayload, request)
            assert (await asked).json == b"default"
            await s.aclose()
            await channel.channel_ready()
            asked = call(rpc.PayloadServiceStub(channel).GetPayload, request)
            assert (await asked).json == b"default"


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("state:7402", "state:7402"),
        (" 10.0.0.1:1, 10.0.0.2:2 ", "ipv4:10.0.0.1:1,10.0.0.2:2"),
        ("[::1]:1,[::2]:2", "ipv6:[::1]:1,[::2]:2"),
    ],
)
def test_addresses_in_the_words_of_grpc(given, target):
    assert target_of(given) == target


@pytest.mark.parametrize("given", ["a:1,b:2", "10.0.0.1:1,b:2", "10.0.0.1:1,[::1]:1"])
def test_a_list_of_names_or_of_two_families_is_refused(given):
    with pytest.raises(BadSettings, match="all must be numbers"):
        target_of(given)


async def test_the_account_travels_in_metadata(stub):
    answer = await call(stub[0].GetPayload, pb.GetPayloadRequest(digest="tenant"), tenant="acme")
    assert answer.json == b"acme"


async def test_health_and_reflection_are_served(stub):
    health = health_pb2_grpc.HealthStub(stub[1])
    answer = await health.Check(health_pb2.HealthCheckRequest(service=NAME))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_service_that_is_not_there_is_unavailable():
    async with open_channel("127.0.0.1:1") as channel:
        stub = rpc.PayloadServiceStub(channel)
        with pytest.raises(Unavailable):
            await call(stub.GetPayload, pb.GetPayloadRequest(), timeout_s=2)


async def test_a_taken_address_is_told_clearly():
    async with open_server("127.0.0.1:0", lambda server: None, services=[]) as server:
        with pytest.raises(Unavailable, match="cannot listen"):
            async with open_server(server.address, lambda server: None, services=[]):
                pass
