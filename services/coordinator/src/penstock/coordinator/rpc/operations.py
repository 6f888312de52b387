"""OperationService: one thing done to many executions."""

from typing import Any

import grpc

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationServiceServicer
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.operation_ports import OperationStore
from penstock.coordinator.shell.operations.operations import Operations

Context = grpc.aio.ServicerContext[Any, Any]


class OperationRpc(OperationServiceServicer):
    """Translates between the contract and the shell."""

    def __init__(self, operations: Operations, store: OperationStore) -> None:
        self._operations = operations
        self._store = store

    async def StartOperation(
        self, request: pb.StartOperationRequest, context: Context
    ) -> pb.StartOperationResponse:
        """Begin one."""
        return await self._operations.start(call_tenant(context), request)

    async def GetOperation(
        self, request: pb.GetOperationRequest, context: Context
    ) -> pb.GetOperationResponse:
        """How far one is."""
        found = await self._operations.get(call_tenant(context), request.operation_id)
        return pb.GetOperationResponse(operation=found)

    async def ListOperations(
        self, request: pb.ListOperationsRequest, context: Context
    ) -> pb.ListOperationsResponse:
        """A page, newest first."""
        found, token = await self._operations.page(
            call_tenant(context), request.page_size, request.page_token
        )
        return pb.ListOperationsResponse(operations=found, next_page_token=token)

    async def CancelOperation(
        self, request: pb.CancelOperationRequest, context: Context
    ) -> pb.CancelOperationResponse:
        """Stop one."""
        stopped = await self._operations.cancel(call_tenant(context), request.operation_id)
        return pb.CancelOperationResponse(operation=stopped)

    async def DeleteExecution(
        self, request: pb.DeleteExecutionRequest, context: Context
    ) -> pb.DeleteExecutionResponse:
        """Remove one execution that has ended."""
        await self._store.erase(call_tenant(context), request.execution_id)
        return pb.DeleteExecutionResponse()
