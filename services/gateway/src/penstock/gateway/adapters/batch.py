"""Operations on many executions, at coordinators."""

from typing import Any

from penstock.api.operation.v1 import operation_service_pb2 as api
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationServiceStub
from penstock.common.rpc.channel import call
from penstock.gateway.adapters.coordinators import Coordinators, Link

_COUNT_S = 30.0
"""A start counts what its query finds."""


class CoordinatorOperations:
    """Implements `BatchOperations`."""

    def __init__(self, coordinators: Coordinators) -> None:
        self._coordinators = coordinators

    async def _ask(self, method: str, request: Any, tenant: str) -> Any:
        async def ask(link: Link) -> Any:
            stub = OperationServiceStub(link.channel)
            return await call(getattr(stub, method), request, tenant=tenant, timeout_s=_COUNT_S)

        return await self._coordinators.at_owner(ask)

    async def start(
        self, request: api.StartOperationRequest, tenant: str
    ) -> api.StartOperationResponse:
        """Begin one, or tell what it would do."""
        answer: api.StartOperationResponse = await self._ask("StartOperation", request, tenant)
        return answer

    async def get(self, operation_id: str, tenant: str) -> api.Operation:
        """How far one is."""
        request = api.GetOperationRequest(operation_id=operation_id)
        found: api.Operation = (await self._ask("GetOperation", request, tenant)).operation
        return found

    async def page(self, size: int, cursor: str, tenant: str) -> api.ListOperationsResponse:
        """Newest first."""
        request = api.ListOperationsRequest(page_size=size, page_token=cursor)
        answer: api.ListOperationsResponse = await self._ask("ListOperations", request, tenant)
        return answer

    async def cancel(self, operation_id: str, tenant: str) -> api.Operation:
        """Stop one."""
        request = api.CancelOperationRequest(operation_id=operation_id)
        stopped: api.Operation = (await self._ask("CancelOperation", request, tenant)).operation
        return stopped

    async def delete_execution(self, execution_id: str, tenant: str) -> None:
        """Remove an execution that has ended."""
        request = api.DeleteExecutionRequest(execution_id=execution_id)
        await self._ask("DeleteExecution", request, tenant)
