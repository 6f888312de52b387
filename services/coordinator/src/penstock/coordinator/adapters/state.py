"""State's unary services as the coordinator's ports: leases, payloads, queries."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import grpc

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.schedule.v1.schedule_pb2 import Schedule
from penstock.api.state.v1.state_service_pb2 import (
    AcquireShardsRequest,
    FindKnownRequest,
    GetDefinitionRequest,
    GetPayloadRequest,
    GrantedShard,
    JoinRequest,
    JoinResponse,
    ListLiveRequest,
    ListSleepersRequest,
    LoadExecutionsRequest,
    LoadShardRequest,
    PutPayloadRequest,
    PutWorkflowRequest,
    ReadEventsRequest,
    ReleaseShardsRequest,
)
from penstock.api.state.v1.state_service_pb2_grpc import (
    JournalServiceStub,
    PayloadServiceStub,
    QueryServiceStub,
)
from penstock.api.workflow.v1.workflow_service_pb2 import (
    Execution,
    GetExecutionRequest,
    GetWorkflowRequest,
    ListExecutionsRequest,
    ListExecutionsResponse,
    ListWorkflowsRequest,
    ListWorkflowsResponse,
    ListWorkflowVersionsRequest,
    ListWorkflowVersionsResponse,
    Workflow,
)
from penstock.common.errors import NotFound
from penstock.common.rpc.channel import call
from penstock.common.rpc.status import from_rpc_error
from penstock.coordinator.ports import NOT_SETTLED, LiveRow, Sleeper
from penstock.workflow.execution.values import Payload

_JOIN_TIMEOUT_S = 2.0
_LOAD_TIMEOUT_S = 120.0


class StateLeases:
    """Membership and shards."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = JournalServiceStub(channel)

    async def join(
        self, coordinator_id: str, address: str, ttl_ms: int, *, leaving: bool = False
    ) -> JoinResponse:
        """Renew membership and leases."""
        request = JoinRequest(
            coordinator_id=coordinator_id, address=address, ttl_ms=ttl_ms, leaving=leaving
        )
        answer: JoinResponse = await call(self._stub.Join, request, timeout_s=_JOIN_TIMEOUT_S)
        return answer

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[GrantedShard]:
        """Take shards that are free."""
        request = AcquireShardsRequest(coordinator_id=coordinator_id, shards=shards)
        return list((await call(self._stub.AcquireShards, request)).granted)

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        """Give shards back."""
        request = ReleaseShardsRequest(
            coordinator_id=coordinator_id, shards=shards, settled=settled
        )
        await call(self._stub.ReleaseShards, request, timeout_s=_JOIN_TIMEOUT_S)

    async def load(self, shard: int) -> AsyncIterator[EventBatch]:
        """The journal of all live executions of a shard that are not at rest."""
        request = LoadShardRequest(shard=shard, skip_resting=True)
        async for batch in _rows(self._stub.LoadShard, request, "LoadShard"):
            yield batch

    async def load_resting(self, execution_ids: Sequence[str]) -> AsyncIterator[EventBatch]:
        """The journal of those of the executions that are at rest."""
        request = LoadExecutionsRequest(execution_ids=execution_ids)
        async for batch in _rows(self._stub.LoadExecutions, request, "LoadExecutions"):
            yield batch

    async def sleepers(
        self, shards: Sequence[int], until_us: int, after: Sleeper, limit: int
    ) -> list[Sleeper]:
        """Who is due next."""
        request = ListSleepersRequest(
            shards=shards,
            until_unix_us=until_us,
            after_wake_unix_us=after.wake_us,
            after_execution_id=after.execution_id,
            rows_max=limit,
        )
        answer = await call(self._stub.ListSleepers, request)
        return [Sleeper(each.wake_unix_us, each.execution_id) for each in answer.sleepers]

    async def live(self, shard: int, after: str, limit: int) -> list[LiveRow]:
        """What has not ended."""
        request = ListLiveRequest(shard=shard, after_execution_id=after, rows_max=limit)
        answer = await call(self._stub.ListLive, request)
        return [
            LiveRow(each.execution_id, each.tenant, each.rests, each.wake_unix_us)
            for each in answer.executions
        ]


async def _rows(load: Any, request: Any, name: str) -> AsyncIterator[EventBatch]:
    """The journal rows of a stream. Raises operating errors."""
    try:
        async for part in load(request, timeout=_LOAD_TIMEOUT_S):
            for body in part.bodies:
                yield EventBatch.FromString(body)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, name) from None


class StatePayloads:
    """The payload store."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = PayloadServiceStub(channel)

    async def put(self, tenant: str, json: bytes) -> Payload:
        """Store a value."""
        request = PutPayloadRequest(json=json)
        answer = await call(self._stub.PutPayload, request, tenant=tenant, timeout_s=60.0)
        return Payload(b"", answer.ref.digest, answer.ref.size_bytes)

    async def get(self, tenant: str, digest: str) -> bytes:
        """Bytes of a stored value."""
        request = GetPayloadRequest(digest=digest)
        answer = await call(self._stub.GetPayload, request, tenant=tenant, timeout_s=60.0)
        return bytes(answer.json)


class StateQueries:
    """Reads on behalf of a tenant."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = QueryServiceStub(channel)

    async def get_execution(self, tenant: str, request: GetExecutionRequest) -> Execution:
        """One execution, as much of it as is asked for."""
        answer = await call(self._stub.GetExecution, request, tenant=tenant)
        execution: Execution = answer.execution
        return execution

    async def list_executions(
        self, tenant: str, request: ListExecutionsRequest
    ) -> ListExecutionsResponse:
        """A page of executions."""
        answer: ListExecutionsResponse = await call(
            self._stub.ListExecutions, request, tenant=tenant
        )
        return answer

    async def read_events(
        self, tenant: str, execution_id: str, after_seq: int, rows_max: int = 0
    ) -> list[EventBatch]:
        """Journal rows that end after `after_seq`; state refuses an unknown execution, here it has
        none."""
        request = ReadEventsRequest(
            execution_id=execution_id, after_seq=after_seq, rows_max=rows_max
        )
        try:
            return list((await call(self._stub.ReadEvents, request, tenant=tenant)).batches)
        except NotFound:
            return []

    async def known(self, tenant: str, execution_ids: Sequence[str]) -> Collection[str]:
        """Those of these that there are."""
        request = FindKnownRequest(execution_ids=execution_ids)
        answer = await call(self._stub.FindKnown, request, tenant=tenant)
        return list(answer.execution_ids)

    async def put_workflow(
        self, tenant: str, workflow: Workflow, schedules: Sequence[Schedule], now_us: int
    ) -> tuple[Workflow, bool]:
        """Store a checked version with its schedules."""
        request = PutWorkflowRequest(workflow=workflow, schedules=schedules, now_unix_us=now_us)
        answer = await call(self._stub.PutWorkflow, request, tenant=tenant)
        return answer.workflow, answer.created

    async def get_workflow(self, tenant: str, name: str, version: int) -> Workflow:
        """A version with its source, 0 for the latest."""
        request = GetWorkflowRequest(name=name, version=version)
        workflow: Workflow = (await call(self._stub.GetWorkflow, request, tenant=tenant)).workflow
        return workflow

    async def get_definition(self, tenant: str, definition_hash: str) -> str:
        """The source of a definition."""
        request = GetDefinitionRequest(definition_hash=definition_hash)
        return str((await call(self._stub.GetDefinition, request, tenant=tenant)).source)

    async def list_workflows(
        self, tenant: str, request: ListWorkflowsRequest
    ) -> ListWorkflowsResponse:
        """A page of workflows."""
        answer: ListWorkflowsResponse = await call(self._stub.ListWorkflows, request, tenant=tenant)
        return answer

    async def list_workflow_versions(
        self, tenant: str, request: ListWorkflowVersionsRequest
    ) -> ListWorkflowVersionsResponse:
        """A page of versions."""
        answer: ListWorkflowVersionsResponse = await call(
            self._stub.ListWorkflowVersions, request, tenant=tenant
        )
        return answer
