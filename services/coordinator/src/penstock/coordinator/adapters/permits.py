"""The other coordinators over gRPC: a stream to each owner of keys that something is asked of, and
the streams of those who ask of this one."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import grpc

from penstock.api.limits.v1 import permit_service_pb2 as pb
from penstock.api.limits.v1.permit_service_pb2_grpc import PermitServiceStub
from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.common.rpc.channel import call, open_channel
from penstock.common.rpc.streams import Outbox
from penstock.coordinator.adapters.permit_codec import (
    change_to_proto,
    sync_to_proto,
    told_from_proto,
    told_to_proto,
)
from penstock.coordinator.limits.claims import Message
from penstock.coordinator.limits.permits import Sync, Told
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits

_PAUSE_S = 0.1
_PAUSE_MAX_S = 1.0
_GREET_S = 2.0
_BATCH = 500


class GrpcPeers:
    """See `penstock.coordinator.shell.limits.cluster_limits.Peers`."""

    def __init__(self, limits: ClusterLimits, tasks: asyncio.TaskGroup) -> None:
        self.limits = limits
        self._tasks = tasks
        self._links: dict[str, _Link] = {}
        self._askers: dict[str, Outbox[Told]] = {}

    def send(self, coordinator_id: str, message: Message) -> None:
        """To an owner of keys."""
        link = self._links.get(coordinator_id)
        if link is not None:
            link.put(message)

    def sync(self, coordinator_id: str, address: str) -> None:
        """Tell an owner of keys everything, again."""
        link = self._links.get(coordinator_id)
        if link is None:
            link = self._links[coordinator_id] = _Link(self.limits, coordinator_id, address)
            link.task = self._tasks.create_task(link.run())
        else:
            link.put(self.limits.sync_for(coordinator_id))

    def greet(self, coordinator_id: str, address: str) -> None:
        """Ask another to tell this one everything."""
        self._tasks.create_task(self._greet(address))

    async def _greet(self, address: str) -> None:
        request = pb.GreetRequest(coordinator_id=self.limits.id)
        try:
            async with open_channel(address) as channel:
                await call(PermitServiceStub(channel).Greet, request, timeout_s=_GREET_S)
        except PenstockError as error:
            get_logger("limits").warning("peer_not_reached", address=address, error=str(error))

    def answer(self, told: Told) -> None:
        """To one who asked; if its stream is gone, it will ask again."""
        outbox = self._askers.get(told.who)
        if outbox is not None:
            outbox.put(told)

    def keep(self, members: Mapping[str, str]) -> None:
        """Let go of those who are no members any more."""
        for coordinator_id in self._links.keys() - members.keys():
            link = self._links.pop(coordinator_id)
            if link.task is not None:
                link.task.cancel()

    def arrived(self, coordinator_id: str) -> Outbox[Told]:
        """Somebody asks over a new stream: the one before is void."""
        former = self._askers.get(coordinator_id)
        if former is not None:
            former.close()
        outbox = self._askers[coordinator_id] = Outbox()
        return outbox

    def is_current(self, coordinator_id: str, outbox: Outbox[Told]) -> bool:
        """True unless another stream took the place of this one."""
        return self._askers.get(coordinator_id) is outbox

    def left(self, coordinator_id: str, outbox: Outbox[Told]) -> None:
        """A stream ended."""
        if self.is_current(coordinator_id, outbox):
            del self._askers[coordinator_id]

    def close(self) -> None:
        """End all streams."""
        self.keep({})
        for outbox in self._askers.values():
            outbox.close()


class _Link:
    """One owner of keys. What is said while there is no stream is not kept: a stream begins with
    everything."""

    def __init__(self, limits: ClusterLimits, coordinator_id: str, address: str) -> None:
        self._limits = limits
        self._id = coordinator_id
        self._address = address
        self._outbox: Outbox[Message | Sync] | None = None
        self.task: asyncio.Task[None] | None = None

    def put(self, item: Message | Sync) -> None:
        """Say something; never waits."""
        if self._outbox is not None:
            self._outbox.put(item)

    async def run(self) -> None:
        """Keep a stream until cancelled."""
        pause_s = _PAUSE_S
        async with open_channel(self._address) as channel:
            stub = PermitServiceStub(channel)
            while True:
                outbox: Outbox[Message | Sync] = Outbox()
                try:
                    async for response in stub.Hold(self._requests(outbox)):
                        pause_s = _PAUSE_S
                        for answer in response.answers:
                            self._limits.hear_answer(told_from_proto(answer, self._limits.id))
                except grpc.aio.AioRpcError as broken:
                    get_logger("limits").info(
                        "owner_lost", owner=self._id, error=broken.code().name
                    )
                finally:
                    self._outbox = None
                    outbox.close()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    async def _requests(self, outbox: Outbox[Message | Sync]) -> AsyncIterator[pb.HoldRequest]:
        self._outbox = outbox
        outbox.put(self._limits.sync_for(self._id))
        async for batch in outbox.batches(_BATCH):
            request = pb.HoldRequest(coordinator_id=self._limits.id)
            for item in batch:
                if isinstance(item, Sync):
                    if request.HasField("sync") or request.changes:
                        yield request
                        request = pb.HoldRequest(coordinator_id=self._limits.id)
                    sync_to_proto(item, request.sync)
                else:
                    change_to_proto(item, request.changes.add())
            yield request


def answers_of(batch: list[Told]) -> pb.HoldResponse:
    """A message of answers."""
    response = pb.HoldResponse()
    for told in batch:
        told_to_proto(told, response.answers.add())
    return response
