"""A client of one state service, for tests."""

from contextlib import asynccontextmanager

from penstock.api.history.v1.history_service_pb2_grpc import HistoryQueryServiceStub
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1.state_service_pb2_grpc import (
    JournalServiceStub,
    PayloadServiceStub,
    QueryServiceStub,
)
from penstock.common.rpc.channel import call, open_channel


class Client:
    """Stubs of one state service."""

    def __init__(self, channel):
        self.journal = JournalServiceStub(channel)
        self.query = QueryServiceStub(channel)
        self.payload = PayloadServiceStub(channel)
        self.history = HistoryQueryServiceStub(channel)

    async def lease(self, coordinator_id="c1"):
        """Join and take every shard; return the common epoch."""
        join = pb.JoinRequest(coordinator_id=coordinator_id, address="h:1", ttl_ms=60_000)
        shard_count = (await call(self.journal.Join, join)).shard_count
        wanted = pb.AcquireShardsRequest(coordinator_id=coordinator_id, shards=range(shard_count))
        granted = (await call(self.journal.AcquireShards, wanted)).granted
        assert len(granted) == shard_count
        return granted[0].epoch


@asynccontextmanager
async def client_of(address):
    """A client of the service at an address."""
    async with open_channel(address) as channel:
        yield Client(channel)
