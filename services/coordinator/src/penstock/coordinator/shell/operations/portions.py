"""Which executions an operation goes through, portion by portion.

A portion is written down before the first of it is done. A query for what is running finds less and
less of what the operation has cancelled already: whoever takes over could not find the portion
again, and would count none of what was done of it.
"""

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.api.search.v1.search_service_pb2 import (
    CountExecutionsRequest,
    SearchExecutionsRequest,
)
from penstock.coordinator.finding_ports import Finding

PORTION = 100
_COUNT_MAX = 100_000


class Portions:
    """What operations are about."""

    def __init__(self, finding: Finding) -> None:
        self._finding = finding

    async def next(
        self, tenant: str, operation: pb.Operation, size: int = PORTION
    ) -> pb.OperationPortion:
        """The executions from its place on. Raises `InvalidQuery`."""
        task, place = operation.task, operation.place
        if task.execution_ids:
            begin = int(place or 0)
            ids = task.execution_ids[begin : begin + size]
            end = begin + len(ids)
            left = str(end) if end < len(task.execution_ids) else ""
            return pb.OperationPortion(execution_ids=ids, next_place=left)
        found = await self._finding.search(
            tenant,
            SearchExecutionsRequest(
                query=task.query,
                page_size=size,
                page_token=place,
                now_unix_us=operation.created_unix_us,
                started_before_us=operation.created_unix_us,
            ),
        )
        return pb.OperationPortion(
            execution_ids=[each.execution.id for each in found.executions],
            next_place=found.next_page_token,
        )

    async def count(self, tenant: str, operation: pb.Operation) -> None:
        """Note how many there are. Raises `InvalidQuery`."""
        task = operation.task
        if task.execution_ids:
            operation.matched, operation.matched_exact = len(task.execution_ids), True
            return
        request = CountExecutionsRequest(query=task.query, count_max=_COUNT_MAX)
        counted = await self._finding.count(tenant, request)
        operation.matched, operation.matched_exact = counted.count, counted.exact
