"""What state answers when an execution is to be removed and cannot be."""

from types import SimpleNamespace

import pytest

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.api.operation.v1 import operation_service_pb2_grpc as rpc
from penstock.common.errors import Conflict, NotFound
from penstock.common.rpc.channel import call, open_channel
from penstock.common.rpc.server import open_server
from penstock.state.rpc.operation_service import OperationStoreService
from support.state_rows import an_id


async def refusal(became: str) -> Conflict | NotFound:
    """What a client is told, over the wire."""

    async def erase_one(tenant, execution_id):
        return became

    service = OperationStoreService(None, SimpleNamespace(erase_one=erase_one), shard_count=4)

    def register(server):
        rpc.add_OperationStoreServiceServicer_to_server(service, server)

    async with (
        open_server("127.0.0.1:0", register, services=()) as server,
        open_channel(server.address) as channel,
    ):
        stub = rpc.OperationStoreServiceStub(channel)
        with pytest.raises((Conflict, NotFound)) as caught:
            await call(stub.EraseExecution, pb.EraseExecutionRequest(execution_id=an_id(1)))
    return caught.value


async def test_only_what_a_notice_keeps_is_to_be_tried_again():
    kept = await refusal("owing")
    assert (kept.reason, kept.facts["retry_after_s"]) == ("CONFLICT", 1)
    running, absent = await refusal("running"), await refusal("absent")
    assert [running.reason, absent.reason] == ["CONFLICT", "NOT_FOUND"]
    assert not {"retry_after_s"} & (running.facts.keys() | absent.facts.keys())
