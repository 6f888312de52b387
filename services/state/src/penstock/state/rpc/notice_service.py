"""NoticeService: what shards owe to elsewhere, for the coordinators that deliver it."""

from typing import Any

import grpc

from penstock.api.state.v1 import notice_service_pb2 as pb
from penstock.api.state.v1.notice_service_pb2_grpc import NoticeServiceServicer
from penstock.api.state.v1.state_service_pb2 import Notice
from penstock.common.errors import InvalidArgument
from penstock.state.notice_ports import NoticeStore
from penstock.state.rpc.checks import checked_id

Context = grpc.aio.ServicerContext[Any, Any]

_ROWS_DEFAULT = 1_000
_ROWS_MAX = 5_000
_ANSWER_BYTES_MAX = 8 * 1024 * 1024
_SETTLED_MAX = 20_000


class NoticeService(NoticeServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, notices: NoticeStore) -> None:
        self._notices = notices

    async def ListNotices(
        self, request: pb.ListNoticesRequest, context: Context
    ) -> pb.ListNoticesResponse:
        """A page; cut at 8 MiB, then `more` is set."""
        limit = min(request.rows_max or _ROWS_DEFAULT, _ROWS_MAX)
        rows = await self._notices.page(request.shard, request.after_id, limit + 1)
        answer = pb.ListNoticesResponse()
        size = 0
        for row in rows[:limit]:
            size += len(row.body)
            if answer.notices and size > _ANSWER_BYTES_MAX:
                break
            answer.notices.append(Notice(id=row.id, body=row.body))
        answer.more = len(answer.notices) < len(rows)
        return answer

    async def SettleNotices(
        self, request: pb.SettleNoticesRequest, context: Context
    ) -> pb.SettleNoticesResponse:
        """Forget some."""
        settled = [(of.shard, number) for of in request.settled for number in of.ids]
        count = len(settled) + len(request.refused)
        if count > _SETTLED_MAX:
            raise InvalidArgument(f"{count} notices at once", fix=f"Settle at most {_SETTLED_MAX}.")
        for refused in request.refused:
            checked_id(refused.execution_id)
        if count:
            await self._notices.settle(settled, request.refused)
        return pb.SettleNoticesResponse()
