"""JournalService: appends, leases and recovery, for coordinators."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1.state_service_pb2_grpc import JournalServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.ids import shard_of
from penstock.common.rpc.streams import Outbox
from penstock.state.journal.writer import JournalWriter, Waiting
from penstock.state.ports import JournalReader, LeaseStore, LivePage, Membership, Sleeper

Context = grpc.aio.ServicerContext[Any, Any]

_PAGE_ROWS = 200
_PAGE_BYTES = 3 * 1024 * 1024
_TTL_MS_MAX = 600_000
_SLEEPERS_DEFAULT = 1_000
_SLEEPERS_MAX = 50_000
"""Of one answer: about 2 MB."""
_LOADED_MAX = 1_000

Bodies = AsyncIterator[list[bytes]]
"""Journal rows in the portions of a stream's messages."""


class JournalService(JournalServiceServicer):
    """Translates between the contract, the writer and the stores."""

    def __init__(
        self,
        writer: JournalWriter,
        reader: JournalReader,
        leases: LeaseStore,
        *,
        shard_count: int,
        unanswered_bytes_max: int,
        on_stream: Callable[[], None],
    ) -> None:
        """`on_stream` is told of each coordinator that comes to append."""
        self._on_stream = on_stream
        self._writer = writer
        self._reader = reader
        self._leases = leases
        self._shard_count = shard_count
        self._unanswered_bytes_max = unanswered_bytes_max

    async def Append(
        self, request_iterator: AsyncIterator[pb.AppendRequest], context: Context
    ) -> AsyncIterator[pb.AppendResponse]:
        """Requests go to the writer as they come; answers leave as they are known, in order."""
        self._on_stream()
        stream = _AppendStream(self._writer, self._unanswered_bytes_max)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stream.read(request_iterator))
                async for answers in stream.answers.batches():
                    for answer in answers:
                        yield answer
        finally:
            stream.abandon()

    async def Join(self, request: pb.JoinRequest, context: Context) -> pb.JoinResponse:
        """Renew or end a membership."""
        if not request.coordinator_id:
            raise InvalidArgument("coordinator_id is empty", fix="Send the ULID of the process.")
        if request.leaving:
            return self._cluster(await self._leases.leave(request.coordinator_id))
        if not 0 < request.ttl_ms <= _TTL_MS_MAX:
            raise InvalidArgument(
                f"ttl_ms is {request.ttl_ms}", fix=f"Send a number from 1 to {_TTL_MS_MAX}."
            )
        if not request.address:
            raise InvalidArgument("address is empty", fix="Send host:port of the coordinator.")
        return self._cluster(
            await self._leases.join(request.coordinator_id, request.address, request.ttl_ms)
        )

    def _cluster(self, membership: Membership) -> pb.JoinResponse:
        return pb.JoinResponse(
            shard_count=self._shard_count,
            members=[pb.Member(coordinator_id=i, address=a) for i, a in membership.members],
            leases=[
                pb.Lease(shard=lease.shard, coordinator_id=lease.owner, epoch=lease.epoch)
                for lease in membership.leases
            ],
            schedules_changed=membership.schedules_changed,
        )

    async def AcquireShards(
        self, request: pb.AcquireShardsRequest, context: Context
    ) -> pb.AcquireShardsResponse:
        """Grant what may be granted."""
        shards = self._known(request.shards)
        granted = await self._leases.acquire(request.coordinator_id, shards)
        return pb.AcquireShardsResponse(
            granted=[
                pb.GrantedShard(shard=g.shard, epoch=g.epoch, head=g.head, settled=g.settled)
                for g in granted
            ]
        )

    async def ReleaseShards(
        self, request: pb.ReleaseShardsRequest, context: Context
    ) -> pb.ReleaseShardsResponse:
        """Give back."""
        shards = self._known(request.shards)
        await self._leases.release(request.coordinator_id, shards, dict(request.settled))
        return pb.ReleaseShardsResponse()

    async def LoadShard(
        self, request: pb.LoadShardRequest, context: Context
    ) -> AsyncIterator[pb.LoadShardResponse]:
        """Page through the live executions; no connection is held between pages."""
        (shard,) = self._known([request.shard])
        load = self._reader.load_awake if request.skip_resting else self._reader.load_live
        async for bodies in _portions(lambda after: load(shard, after, _PAGE_ROWS)):
            yield pb.LoadShardResponse(bodies=bodies)

    async def LoadExecutions(
        self, request: pb.LoadExecutionsRequest, context: Context
    ) -> AsyncIterator[pb.LoadExecutionsResponse]:
        """Page through those that are at rest."""
        asked = request.execution_ids
        if len(asked) > _LOADED_MAX:
            raise InvalidArgument(
                f"{len(asked)} executions at once", fix=f"Ask for at most {_LOADED_MAX}."
            )
        wanted = [(shard_of(each, self._shard_count), each) for each in asked]
        load = self._reader.load_resting
        async for bodies in _portions(lambda after: load(wanted, after, _PAGE_ROWS)):
            yield pb.LoadExecutionsResponse(bodies=bodies)

    async def ListSleepers(
        self, request: pb.ListSleepersRequest, context: Context
    ) -> pb.ListSleepersResponse:
        """Who is due next."""
        shards = self._known(request.shards)
        limit = min(request.rows_max or _SLEEPERS_DEFAULT, _SLEEPERS_MAX)
        after = Sleeper(request.after_wake_unix_us, request.after_execution_id)
        found = await self._reader.sleepers(shards, request.until_unix_us, after, limit)
        return pb.ListSleepersResponse(
            sleepers=[pb.Sleeper(execution_id=i, wake_unix_us=at) for at, i in found]
        )

    async def ListLive(self, request: pb.ListLiveRequest, context: Context) -> pb.ListLiveResponse:
        """What has not ended."""
        (shard,) = self._known([request.shard])
        limit = min(request.rows_max or _SLEEPERS_DEFAULT, _SLEEPERS_MAX)
        found = await self._reader.live(shard, request.after_execution_id, limit)
        return pb.ListLiveResponse(
            executions=[
                pb.LiveExecution(
                    execution_id=row.execution_id,
                    tenant=row.tenant,
                    rests=row.rests,
                    wake_unix_us=row.wake_us,
                )
                for row in found
            ]
        )

    def _known(self, shards: Any) -> list[int]:
        unknown = [shard for shard in shards if shard >= self._shard_count]
        if unknown:
            raise InvalidArgument(
                f"there is no shard {unknown[0]}",
                fix=f"Shards are numbered 0 to {self._shard_count - 1}.",
            )
        return list(shards)


async def _portions(
    page_after: Callable[[tuple[str, int] | None], Awaitable[LivePage]],
) -> Bodies:
    """All pages, in portions that fit into a message."""
    after: tuple[str, int] | None = None
    portion: list[bytes] = []
    size = 0
    while True:
        page = await page_after(after)
        for body in page.bodies:
            if portion and size + len(body) > _PAGE_BYTES:
                yield portion
                portion, size = [], 0
            portion.append(body)
            size += len(body)
        after = page.after
        if after is None:
            break
    if portion:
        yield portion


class _AppendStream:
    """One caller's stream: what of it is unanswered, and the answers on their way out."""

    def __init__(self, writer: JournalWriter, unanswered_bytes_max: int) -> None:
        self._writer = writer
        self._bytes_max = unanswered_bytes_max
        self._unanswered: deque[tuple[int, Waiting]] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._ended = False
        self.answers: Outbox[pb.AppendResponse] = Outbox()

    async def read(self, requests: AsyncIterator[pb.AppendRequest]) -> None:
        """Hand requests to the writer; stop reading while too much is unanswered."""
        async for request in requests:
            size = request.ByteSize()
            self._bytes += size
            self._unanswered.append((size, self._writer.submit(request, self._answer)))
            while self._bytes > self._bytes_max:
                self._room.clear()
                await self._room.wait()
        self._ended = True
        if not self._unanswered:
            self.answers.close()

    def _answer(self, answer: pb.AppendResponse) -> None:
        self._bytes -= self._unanswered.popleft()[0]
        self._room.set()
        self.answers.put(answer)
        if self._ended and not self._unanswered:
            self.answers.close()

    def abandon(self) -> None:
        """The caller is gone: what the writer has not begun need not be written; it will be sent
        again."""
        for _, waiting in self._unanswered:
            waiting.abandoned = True
