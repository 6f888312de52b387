"""OperationStoreService: operations are kept, executions removed."""

from typing import Any

import grpc

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.api.operation.v1.operation_service_pb2_grpc import OperationStoreServiceServicer
from penstock.common.errors import Conflict, InvalidArgument, NotFound, no_execution
from penstock.common.ids import is_ulid, shard_of
from penstock.common.rpc.server import call_tenant
from penstock.state.keeping.ports import OperationStore, RetentionStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token

Context = grpc.aio.ServicerContext[Any, Any]

_OPEN_AT_ONCE = 50
"""Operations that are told together: each may name 10,000 executions and 100 failures, so that is
half of what a message may hold."""


class OperationStoreService(OperationStoreServiceServicer):
    """Translates between the contract and the stores."""

    def __init__(
        self, operations: OperationStore, retention: RetentionStore, *, shard_count: int
    ) -> None:
        self._operations = operations
        self._retention = retention
        self._shard_count = shard_count

    async def CreateOperation(
        self, request: pb.CreateOperationRequest, context: Context
    ) -> pb.CreateOperationResponse:
        """Store a new one, or find the one with its id."""
        tenant, stored = call_tenant(context), request.stored
        operation_id = _checked_id(stored.operation.id)
        stored.tenant, stored.revision = tenant, 1
        if await self._operations.create(stored, shard_of(operation_id, self._shard_count)):
            return pb.CreateOperationResponse(stored=stored)
        found = await self._operations.find(tenant, operation_id)
        if found is None:
            raise Conflict(f"the id {operation_id} is taken")
        return pb.CreateOperationResponse(stored=found, existing=True)

    async def FindOperation(
        self, request: pb.FindOperationRequest, context: Context
    ) -> pb.FindOperationResponse:
        """One of the account."""
        found = await self._operations.find(call_tenant(context), _checked_id(request.operation_id))
        if found is None:
            raise NotFound(f"there is no operation {request.operation_id}")
        return pb.FindOperationResponse(stored=found)

    async def PageOperations(
        self, request: pb.PageOperationsRequest, context: Context
    ) -> pb.PageOperationsResponse:
        """A page, newest first."""
        size = page_size_of(request.page_size)
        token = request.page_token
        before = from_token(token, tuple[int, str], ("operations",)) if token else None
        found = await self._operations.page(call_tenant(context), before, size + 1)
        answer = pb.PageOperationsResponse()
        for stored in found[:size]:
            operation = stored.operation
            operation.ClearField("failures")
            operation.ClearField("portion")
            operation.task.ClearField("execution_ids")
            answer.operations.append(operation)
        if len(found) > size:
            last = found[size - 1].operation
            answer.next_page_token = to_token((last.created_unix_us, last.id), ("operations",))
        return answer

    async def OpenOperations(
        self, request: pb.OpenOperationsRequest, context: Context
    ) -> pb.OpenOperationsResponse:
        """Some of those of some shards that go on, of all accounts: for the shards' owner."""
        found = await self._operations.open_of(request.shards, request.after, _OPEN_AT_ONCE)
        return pb.OpenOperationsResponse(stored=found)

    async def SaveOperation(
        self, request: pb.SaveOperationRequest, context: Context
    ) -> pb.SaveOperationResponse:
        """Write progress."""
        stored = request.stored
        stored.tenant = call_tenant(context)
        return pb.SaveOperationResponse(revision=await self._operations.save(stored))

    async def EraseExecution(
        self, request: pb.EraseExecutionRequest, context: Context
    ) -> pb.EraseExecutionResponse:
        """Remove one that has ended."""
        execution_id = request.execution_id
        became = await self._retention.erase_one(call_tenant(context), _checked_id(execution_id))
        if became == "absent":
            raise no_execution(execution_id)
        if became == "running":
            raise Conflict(
                f"the execution {execution_id} has not ended",
                fix="Cancel it first.",
                execution_id=execution_id,
            )
        if became == "owing":
            raise Conflict(
                f"a notice that the execution {execution_id} sends or gets is on its way",
                fix="Try again once it has arrived, usually within a second.",
                execution_id=execution_id,
                retry_after_s=1,
            )
        return pb.EraseExecutionResponse()


def _checked_id(text: str) -> str:
    if not is_ulid(text):
        raise InvalidArgument(f"{text[:80]!r} is not an id", fix="Send 26 characters.")
    return text
