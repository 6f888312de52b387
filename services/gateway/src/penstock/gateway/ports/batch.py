"""What the gateway needs for operations on many executions."""

from typing import Protocol

from penstock.api.operation.v1 import operation_service_pb2 as api


class BatchOperations(Protocol):
    """Coordinators. Whoever owns an operation is found by asking."""

    async def start(
        self, request: api.StartOperationRequest, tenant: str
    ) -> api.StartOperationResponse:
        """Begin one, or tell what it would do."""
        ...

    async def get(self, operation_id: str, tenant: str) -> api.Operation:
        """How far one is; raises `NotFound`."""
        ...

    async def page(self, size: int, cursor: str, tenant: str) -> api.ListOperationsResponse:
        """Newest first."""
        ...

    async def cancel(self, operation_id: str, tenant: str) -> api.Operation:
        """Stop one; raises `NotFound`."""
        ...

    async def delete_execution(self, execution_id: str, tenant: str) -> None:
        """Remove an execution that has ended; raises `NotFound`, `Conflict`."""
        ...
