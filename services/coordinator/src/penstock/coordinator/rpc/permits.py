"""PermitService: other coordinators ask for permits under the keys that this one owns."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from penstock.api.limits.v1 import permit_service_pb2 as pb
from penstock.api.limits.v1.permit_service_pb2_grpc import PermitServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.logging import get_logger
from penstock.common.rpc.streams import Outbox
from penstock.coordinator.adapters.permit_codec import change_from_proto, sync_from_proto
from penstock.coordinator.adapters.permits import GrpcPeers, answers_of
from penstock.coordinator.limits.permits import Told
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits

Context = grpc.aio.ServicerContext[Any, Any]


def permits_of(coordinator: Coordinator) -> "PermitRpc":
    """The service of a coordinator, which from now on knows how to reach the others."""
    peers = GrpcPeers(coordinator.limits, coordinator.tasks)
    coordinator.limits.peers = peers
    return PermitRpc(coordinator.limits, peers, coordinator.tasks)


class PermitRpc(PermitServiceServicer):
    """Coordinators come in here."""

    def __init__(self, limits: ClusterLimits, peers: GrpcPeers, tasks: asyncio.TaskGroup) -> None:
        self._limits = limits
        self._peers = peers
        self._tasks = tasks
        self._log = get_logger("limits")

    async def Hold(
        self, request_iterator: AsyncIterator[pb.HoldRequest], context: Context
    ) -> AsyncIterator[pb.HoldResponse]:
        """One coordinator's stream."""
        first = await anext(request_iterator, None)
        if first is None:
            return
        if not first.coordinator_id or not first.HasField("sync"):
            raise InvalidArgument("the first message must hold coordinator_id and sync")
        who = first.coordinator_id
        outbox = self._peers.arrived(who)
        reader = self._tasks.create_task(self._read(request_iterator, first, outbox))
        reader.add_done_callback(lambda _: outbox.close())
        try:
            async for batch in outbox.batches():
                yield answers_of(batch)
        finally:
            reader.cancel()
            self._peers.left(who, outbox)

    async def _read(
        self, requests: AsyncIterator[pb.HoldRequest], first: pb.HoldRequest, outbox: Outbox[Told]
    ) -> None:
        who = first.coordinator_id
        try:
            self._take_in(first, who)
            async for request in requests:
                if not self._peers.is_current(who, outbox):
                    return
                self._take_in(request, who)
        except grpc.aio.BaseError as error:
            self._log.info("asker_lost", coordinator=who, error=str(error)[:200])
        except Exception as fault:  # noqa: BLE001 - one peer must not stop the service
            self._log.error("asker_not_understood", coordinator=who, exc_info=fault)

    def _take_in(self, request: pb.HoldRequest, who: str) -> None:
        if request.HasField("sync"):
            self._limits.hear_sync(who, sync_from_proto(request.sync))
        for change in request.changes:
            self._limits.hear(change_from_proto(change))

    async def Greet(self, request: pb.GreetRequest, context: Context) -> pb.GreetResponse:
        """An owner of keys wants to be told everything."""
        self._limits.greeted(request.coordinator_id)
        return pb.GreetResponse()
