"""State's table of operations in memory, for coordinators."""

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.common.errors import Conflict, NotFound
from penstock.common.ids import shard_of

OPEN_AT_ONCE = 3


class MemoryOperations:
    """The port `OperationStore`. `erased` are executions that were removed."""

    def __init__(self, state) -> None:
        self._state = state
        self.rows: dict[str, pb.StoredOperation] = {}
        self.erased: list[str] = []
        self.saves = 0

    async def create(self, tenant, operation):
        self._state.check_up("create_operation")
        existing = operation.id in self.rows
        if not existing:
            self.rows[operation.id] = _copy(
                pb.StoredOperation(tenant=tenant, operation=operation, revision=1)
            )
        return _copy(self.rows[operation.id]), existing

    async def find(self, tenant, operation_id):
        self._state.check_up("find_operation")
        found = self.rows.get(operation_id)
        if found is None or found.tenant != tenant:
            raise NotFound("there is no such operation")
        return _copy(found)

    async def page(self, tenant, size, token):
        found = [row.operation for row in self.rows.values() if row.tenant == tenant]
        return sorted(found, key=lambda each: each.created_unix_us, reverse=True)[: size or 50], ""

    async def open_of(self, shards, after=""):
        self._state.check_up("open_operations")
        found = [
            _copy(row)
            for operation_id, row in sorted(self.rows.items())
            if operation_id > after
            and shard_of(operation_id, self._state.shard_count) in shards
            and row.operation.state == pb.OPERATION_STATE_RUNNING
        ]
        return found[:OPEN_AT_ONCE]

    async def save(self, stored):
        self._state.check_up("save_operation")
        self.saves += 1
        if self.rows[stored.operation.id].revision != stored.revision:
            return 0
        self.rows[stored.operation.id] = _copy(stored)
        self.rows[stored.operation.id].revision += 1
        return stored.revision + 1

    async def erase(self, tenant, execution_id):
        self._state.check_up("erase")
        if execution_id not in self._state.histories or execution_id in self.erased:
            raise NotFound("there is no such execution")
        if not self._state.ended(execution_id):
            raise Conflict("it has not ended")
        self.erased.append(execution_id)


def _copy(stored):
    copy = pb.StoredOperation()
    copy.CopyFrom(stored)
    return copy
