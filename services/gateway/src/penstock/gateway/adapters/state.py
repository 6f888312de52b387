"""State's readers over gRPC."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.state.v1 import state_service_pb2 as state
from penstock.api.state.v1.state_service_pb2_grpc import PayloadServiceStub, QueryServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.rpc.channel import call, open_channel

_USUAL_S = 10.0
_HEAVY_S = 30.0
"""A large execution may wait until others have been read."""


class StateReads:
    """`Reads` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._queries = QueryServiceStub(channel)
        self._payloads = PayloadServiceStub(channel)

    async def execution(
        self,
        execution_id: str,
        tenant: str,
        detail: api.ExecutionDetail.ValueType = api.EXECUTION_DETAIL_UNSPECIFIED,
    ) -> api.Execution:
        """See `Reads.execution`."""
        request = api.GetExecutionRequest(execution_id=execution_id, detail=detail)
        return await self._execution(request, tenant, _USUAL_S if detail else _HEAVY_S)

    async def node(self, execution_id: str, node: str, tenant: str) -> api.Execution:
        """See `Reads.node`."""
        request = api.GetExecutionRequest(execution_id=execution_id, node=node)
        return await self._execution(request, tenant, _HEAVY_S)

    async def _execution(
        self, request: api.GetExecutionRequest, tenant: str, timeout_s: float
    ) -> api.Execution:
        answer: api.GetExecutionResponse = await call(
            self._queries.GetExecution, request, tenant=tenant, timeout_s=timeout_s
        )
        return answer.execution

    async def events(
        self, execution_id: str, tenant: str, after_seq: int, events_max: int = 0
    ) -> tuple[Sequence[EventBatch], bool]:
        """See `Reads.events`."""
        request = state.ReadEventsRequest(
            execution_id=execution_id, after_seq=after_seq, events_max=events_max
        )
        answer: state.ReadEventsResponse = await call(
            self._queries.ReadEvents, request, tenant=tenant
        )
        return answer.batches, answer.more

    async def workflow(self, name: str, version: int, tenant: str) -> api.Workflow:
        """See `Reads.workflow`."""
        request = api.GetWorkflowRequest(name=name, version=version)
        answer: api.GetWorkflowResponse = await call(
            self._queries.GetWorkflow, request, tenant=tenant
        )
        return answer.workflow

    async def workflows(self, size: int, cursor: str, tenant: str) -> api.ListWorkflowsResponse:
        """See `Reads.workflows`."""
        request = api.ListWorkflowsRequest(page_size=size, page_token=cursor)
        answer: api.ListWorkflowsResponse = await call(
            self._queries.ListWorkflows, request, tenant=tenant
        )
        return answer

    async def versions(
        self, name: str, size: int, cursor: str, tenant: str
    ) -> api.ListWorkflowVersionsResponse:
        """See `Reads.versions`."""
        request = api.ListWorkflowVersionsRequest(name=name, page_size=size, page_token=cursor)
        answer: api.ListWorkflowVersionsResponse = await call(
            self._queries.ListWorkflowVersions, request, tenant=tenant
        )
        return answer

    async def payload(self, digest: str, tenant: str) -> bytes:
        """See `Reads.payload`."""
        request = state.GetPayloadRequest(digest=digest)
        answer: state.GetPayloadResponse = await call(
            self._payloads.GetPayload, request, tenant=tenant, timeout_s=30.0
        )
        return answer.json


@asynccontextmanager
async def open_state(address: str) -> AsyncIterator[StateReads]:
    """Readers at `address` (host:port). Opens whether or not state is there."""
    async with open_channel(address) as channel:
        yield StateReads(channel)
