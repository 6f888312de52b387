"""The state service of make-believe: the contract over `Disk`, with commits that take their time.

Appends of all streams wait in one queue. A commit takes some of them at once; between commit and
answer the connection may break, so that an append that is on disk comes again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.state.v1 import notice_service_pb2 as notices
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1 import state_service_pb2_grpc as rpc
from penstock.api.state.v1.notice_service_pb2_grpc import NoticeServiceServicer
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import NotFound
from penstock.common.rpc.server import call_tenant
from penstock.common.rpc.streams import Outbox
from support.simulated.disk import Disk, History
from support.simulated.fabric import Fabric

Waiting = tuple[pb.AppendRequest, Outbox[pb.AppendResponse]]


class StateService(
    rpc.JournalServiceServicer,
    rpc.QueryServiceServicer,
    rpc.PayloadServiceServicer,
    NoticeServiceServicer,
):
    """One process of state."""

    def __init__(self, fabric: Fabric, disk: Disk) -> None:
        self._fabric = fabric
        self._disk = disk
        self._queue: deque[Waiting] = deque()
        self._filled = asyncio.Event()

    async def commit_for_ever(self) -> None:
        """One commit after the other, each of some of what waits."""
        rng, calm = self._fabric.rng, self._fabric.calm
        while True:
            await self._filled.wait()
            await asyncio.sleep(0.001 if calm else rng.uniform(0.000_2, 0.006))
            for _ in range(len(self._queue) if calm else rng.randint(1, len(self._queue))):
                request, outbox = self._queue.popleft()
                self._fabric.point("state commits")
                outbox.put(self._disk.append(request))
            if not self._queue:
                self._filled.clear()

    async def Append(
        self, requests: AsyncIterator[pb.AppendRequest], context: Any
    ) -> AsyncIterator[pb.AppendResponse]:
        outbox: Outbox[pb.AppendResponse] = Outbox()
        reading = asyncio.get_running_loop().create_task(self._read(requests, outbox))
        try:
            async for batch in outbox.batches():
                for answer in batch:
                    yield answer
        finally:
            reading.cancel()

    async def _read(
        self, requests: AsyncIterator[pb.AppendRequest], outbox: Outbox[pb.AppendResponse]
    ) -> None:
        async for request in requests:
            self._queue.append((request, outbox))
            self._filled.set()
        outbox.close()

    async def Join(self, request: pb.JoinRequest, context: Any) -> pb.JoinResponse:
        return self._disk.join(request.coordinator_id, request.address, leaving=request.leaving)

    async def AcquireShards(
        self, request: pb.AcquireShardsRequest, context: Any
    ) -> pb.AcquireShardsResponse:
        granted = self._disk.acquire(request.coordinator_id, list(request.shards))
        return pb.AcquireShardsResponse(granted=granted)

    async def ReleaseShards(
        self, request: pb.ReleaseShardsRequest, context: Any
    ) -> pb.ReleaseShardsResponse:
        settled = dict(request.settled)
        self._disk.release(request.coordinator_id, list(request.shards), settled)
        return pb.ReleaseShardsResponse()

    async def LoadShard(
        self, request: pb.LoadShardRequest, context: Any
    ) -> AsyncIterator[pb.LoadShardResponse]:
        skips = bool(getattr(request, "skip_resting", False))
        for history in list(self._disk.histories.values()):
            left_out = history.ended or (skips and history.resting)
            if history.shard == request.shard and not left_out:
                yield pb.LoadShardResponse(bodies=[row.body for row in list(history.rows)])

    async def ListSleepers(self, request: Any, context: Any) -> Any:
        after = (request.after_wake_unix_us, request.after_execution_id)
        due = sorted(
            (one.wake_us, execution_id)
            for execution_id, one in self._disk.histories.items()
            if one.resting and one.shard in request.shards and one.wake_us
        )
        page = [one for one in due if one > after and one[0] <= request.until_unix_us]
        answer = pb.ListSleepersResponse()
        for wake_us, execution_id in page[: request.rows_max or 1_000]:
            answer.sleepers.add(execution_id=execution_id, wake_unix_us=wake_us)
        return answer

    async def ListLive(self, request: Any, context: Any) -> Any:
        answer = pb.ListLiveResponse()
        live = sorted(
            (execution_id, one)
            for execution_id, one in self._disk.histories.items()
            if one.shard == request.shard and not one.ended
        )
        page = [one for one in live if one[0] > request.after_execution_id]
        for execution_id, one in page[: request.rows_max or 1_000]:
            answer.executions.add(
                execution_id=execution_id,
                tenant=one.tenant,
                rests=one.resting,
                wake_unix_us=one.wake_us,
            )
        return answer

    async def LoadExecutions(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for execution_id in request.execution_ids:
            history = self._disk.histories.get(execution_id)
            if history is not None and history.resting:
                yield pb.LoadExecutionsResponse(bodies=[row.body for row in list(history.rows)])

    async def ListNotices(
        self, request: notices.ListNoticesRequest, context: Any
    ) -> notices.ListNoticesResponse:
        found = sorted(
            (number, body)
            for (shard, number), body in self._disk.notices.items()
            if shard == request.shard and number > request.after_id
        )
        limit = request.rows_max or 1_000
        answer = notices.ListNoticesResponse(more=len(found) > limit)
        for number, body in found[:limit]:
            answer.notices.add(id=number, body=body)
        return answer

    async def SettleNotices(
        self, request: notices.SettleNoticesRequest, context: Any
    ) -> notices.SettleNoticesResponse:
        self._fabric.point("state forgets notices")
        for settled in request.settled:
            for number in settled.ids:
                self._disk.notices.pop((settled.shard, number), None)
        for refused in request.refused:
            self._disk.notices.pop((refused.shard, refused.id), None)
        return notices.SettleNoticesResponse()

    def _history(self, execution_id: str) -> History:
        if execution_id not in self._disk.histories:
            raise NotFound(f"there is no execution {execution_id}")
        return self._disk.histories[execution_id]

    async def GetExecution(
        self, request: wf.GetExecutionRequest, context: Any
    ) -> wf.GetExecutionResponse:
        history = self._history(request.execution_id)
        last = history.rows[-1]
        answer = wf.GetExecutionResponse()
        found = answer.execution
        found.id, found.tenant = request.execution_id, history.tenant
        found.status = last.projection.status
        found.last_seq = history.last_seq
        end = EventBatch.FromString(last.body).events[-1]
        if end.HasField("execution_ended"):
            found.output.CopyFrom(end.execution_ended.output)
        return answer

    async def ReadEvents(
        self, request: pb.ReadEventsRequest, context: Any
    ) -> pb.ReadEventsResponse:
        rows = self._history(request.execution_id).rows
        batches = [
            EventBatch.FromString(row.body) for row in rows if row.last_seq > request.after_seq
        ]
        return pb.ReadEventsResponse(batches=batches)

    async def FindKnown(self, request: pb.FindKnownRequest, context: Any) -> pb.FindKnownResponse:
        known = [one for one in request.execution_ids if one in self._disk.histories]
        return pb.FindKnownResponse(execution_ids=known)

    async def GetWorkflow(
        self, request: wf.GetWorkflowRequest, context: Any
    ) -> wf.GetWorkflowResponse:
        if request.name not in self._disk.workflows:
            raise NotFound(f"there is no workflow {request.name} of {call_tenant(context)}")
        return wf.GetWorkflowResponse(workflow=self._disk.workflows[request.name])

    async def GetDefinition(
        self, request: pb.GetDefinitionRequest, context: Any
    ) -> pb.GetDefinitionResponse:
        if request.definition_hash not in self._disk.definitions:
            raise NotFound("there is no such definition")
        return pb.GetDefinitionResponse(source=self._disk.definitions[request.definition_hash])

    async def PutPayload(
        self, request: pb.PutPayloadRequest, context: Any
    ) -> pb.PutPayloadResponse:
        digest, size = self._disk.store(request.json)
        answer = pb.PutPayloadResponse()
        answer.ref.digest, answer.ref.size_bytes = digest, size
        return answer

    async def GetPayload(
        self, request: pb.GetPayloadRequest, context: Any
    ) -> pb.GetPayloadResponse:
        return pb.GetPayloadResponse(json=self._disk.payloads[request.digest])
