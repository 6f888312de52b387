"""What shards owe to elsewhere, and the sub-workflows it leads to, in memory."""

import asyncio
from collections.abc import Sequence
from typing import Any

from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.api.workflow.v1 import workflow_service_pb2 as pb
from penstock.api.workflow.v1.children_service_pb2 import (
    ChildExecution,
    ListChildrenRequest,
    ListChildrenResponse,
)


class MemoryNotices:
    def __init__(self, state: Any) -> None:
        self._state = state

    async def page(
        self, shard: int, after_id: int, limit: int
    ) -> tuple[list[tuple[int, bytes]], bool]:
        self._state.check_up("list_notices")
        found = sorted(
            (number, body)
            for (owner, number), body in self._state.notices.items()
            if owner == shard and number > after_id
        )
        await asyncio.sleep(0)
        return found[:limit], len(found) > limit

    async def settle(
        self, arrived: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        self._state.check_up("settle_notices")
        for key in arrived:
            self._state.notices.pop(key, None)
        for one in refused:
            if self._state.notices.pop((one.shard, one.id), None) is not None:
                self._state.refused.append(one)


class MemoryChildren:
    def __init__(self, state: Any) -> None:
        self._state = state

    async def list_children(
        self, tenant: str, request: ListChildrenRequest
    ) -> ListChildrenResponse:
        self._state.check_up("list_children")
        return ListChildrenResponse(
            children=[
                ChildExecution(execution=pb.Execution(id=one.execution_id), ref=one.ref)
                for one in self._state.children
                if (one.tenant, one.parent_id) == (tenant, request.execution_id)
            ]
        )
