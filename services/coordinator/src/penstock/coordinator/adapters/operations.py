"""State's table of operations as the coordinator's port."""

from collections.abc import Sequence
from typing import Any

import grpc

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationStoreServiceStub
from penstock.common.rpc.channel import call


class StateOperations:
    """Implements `OperationStore`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = OperationStoreServiceStub(channel)

    async def create(self, tenant: str, operation: pb.Operation) -> tuple[pb.StoredOperation, bool]:
        """Store a new one, or find it."""
        request = pb.CreateOperationRequest(stored=pb.StoredOperation(operation=operation))
        answer = await call(self._stub.CreateOperation, request, tenant=tenant)
        return answer.stored, answer.existing

    async def find(self, tenant: str, operation_id: str) -> pb.StoredOperation:
        """One of the account."""
        request = pb.FindOperationRequest(operation_id=operation_id)
        stored: pb.StoredOperation = (
            await call(self._stub.FindOperation, request, tenant=tenant)
        ).stored
        return stored

    async def page(self, tenant: str, size: int, token: str) -> tuple[Sequence[pb.Operation], str]:
        """Newest first."""
        request = pb.PageOperationsRequest(page_size=size, page_token=token)
        answer = await call(self._stub.PageOperations, request, tenant=tenant)
        return list(answer.operations), answer.next_page_token

    async def open_of(self, shards: Sequence[int], after: str) -> Sequence[pb.StoredOperation]:
        """Some of those that go on."""
        request = pb.OpenOperationsRequest(shards=shards, after=after)
        return list((await call(self._stub.OpenOperations, request)).stored)

    async def save(self, stored: pb.StoredOperation) -> int:
        """Write progress."""
        request = pb.SaveOperationRequest(stored=stored)
        answer = await call(self._stub.SaveOperation, request, tenant=stored.tenant)
        return int(answer.revision)

    async def erase(self, tenant: str, execution_id: str) -> None:
        """Remove an execution that has ended."""
        request = pb.EraseExecutionRequest(execution_id=execution_id)
        await call(self._stub.EraseExecution, request, tenant=tenant)
