"""HistoryService: the past of executions and workflows, and going on from there."""

from typing import Any

import grpc

from penstock.api.history.v1 import history_service_pb2 as pb
from penstock.api.history.v1.history_service_pb2_grpc import HistoryServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.coordinator.shell.operations.reruns import Making
from penstock.coordinator.shell.starts.one_start import start_made

Context = grpc.aio.ServicerContext[Any, Any]


class HistoryRpc(HistoryServiceServicer):
    """Reads pass through to state; starts go the way of all starts."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._history = coordinator.state.history

    async def GetExecutionAt(
        self, request: pb.GetExecutionAtRequest, context: Context
    ) -> pb.GetExecutionAtResponse:
        """An execution as it was."""
        return await self._history.at(call_tenant(context), request)

    async def CompareExecutions(
        self, request: pb.CompareExecutionsRequest, context: Context
    ) -> pb.CompareExecutionsResponse:
        """Two executions side by side."""
        return await self._history.compare(call_tenant(context), request)

    async def CompareVersions(
        self, request: pb.CompareVersionsRequest, context: Context
    ) -> pb.CompareVersionsResponse:
        """Two versions of a workflow side by side."""
        return await self._history.versions(call_tenant(context), request)

    async def RollBackWorkflow(
        self, request: pb.RollBackWorkflowRequest, context: Context
    ) -> pb.RollBackWorkflowResponse:
        """An earlier version's content becomes the newest version."""
        stored, created = await self._coordinator.definitions.roll_back(
            call_tenant(context), request.workflow, request.version
        )
        answer = pb.RollBackWorkflowResponse(workflow=stored, created=created)
        answer.workflow.source = ""
        return answer

    async def RerunExecution(
        self, request: pb.RerunExecutionRequest, context: Context
    ) -> pb.RerunExecutionResponse:
        """Some nodes again, as a new execution."""
        tenant = call_tenant(context)
        return await self._made(tenant, await self._coordinator.reruns.rerun(tenant, request))

    async def ForkExecution(
        self, request: pb.ForkExecutionRequest, context: Context
    ) -> pb.RerunExecutionResponse:
        """On from a past event, as a new execution."""
        tenant = call_tenant(context)
        return await self._made(tenant, await self._coordinator.reruns.fork(tenant, request))

    async def _made(self, tenant: str, making: Making) -> pb.RerunExecutionResponse:
        answer = await start_made(self._coordinator.starts, tenant, making.request, making.prepare)
        return pb.RerunExecutionResponse(
            execution_id=answer.execution_id,
            workflow=making.workflow,
            version=answer.version,
            existing=answer.existing,
            carried=[] if answer.existing else making.carried,
        )
