"""State's services for notices and for the sub-workflows they lead to."""

from collections.abc import Sequence
from typing import Any

import grpc

from penstock.api.state.v1.notice_service_pb2 import (
    ListNoticesRequest,
    RefusedNotice,
    SettledNotices,
    SettleNoticesRequest,
)
from penstock.api.state.v1.notice_service_pb2_grpc import NoticeServiceStub
from penstock.api.workflow.v1.children_service_pb2 import ListChildrenRequest, ListChildrenResponse
from penstock.api.workflow.v1.children_service_pb2_grpc import ChildrenServiceStub
from penstock.common.rpc.channel import call


class StateNotices:
    """What shards owe to elsewhere."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = NoticeServiceStub(channel)

    async def page(
        self, shard: int, after_id: int, limit: int
    ) -> tuple[list[tuple[int, bytes]], bool]:
        """The oldest after an id."""
        request = ListNoticesRequest(shard=shard, after_id=after_id, rows_max=limit)
        answer = await call(self._stub.ListNotices, request)
        return [(each.id, each.body) for each in answer.notices], answer.more

    async def settle(
        self, arrived: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        """Forget these."""
        by_shard: dict[int, list[int]] = {}
        for shard, number in arrived:
            by_shard.setdefault(shard, []).append(number)
        settled = [SettledNotices(shard=shard, ids=ids) for shard, ids in by_shard.items()]
        await call(self._stub.SettleNotices, SettleNoticesRequest(settled=settled, refused=refused))


class StateChildren:
    """Reads of sub-workflows."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = ChildrenServiceStub(channel)

    async def list_children(
        self, tenant: str, request: ListChildrenRequest
    ) -> ListChildrenResponse:
        """A page."""
        answer: ListChildrenResponse = await call(self._stub.ListChildren, request, tenant=tenant)
        return answer
