"""All services of one process, to be added to a gRPC server."""

from collections.abc import Callable

import grpc

from penstock.api.history.v1.history_service_pb2_grpc import (
    add_HistoryQueryServiceServicer_to_server,
)
from penstock.api.state.v1.notice_service_pb2_grpc import add_NoticeServiceServicer_to_server
from penstock.api.state.v1.state_service_pb2_grpc import (
    add_JournalServiceServicer_to_server,
    add_PayloadServiceServicer_to_server,
    add_QueryServiceServicer_to_server,
)
from penstock.api.workflow.v1.children_service_pb2_grpc import add_ChildrenServiceServicer_to_server
from penstock.state.rpc.children_service import ChildrenService
from penstock.state.rpc.history_service import HistoryQueryService
from penstock.state.rpc.journal_service import JournalService
from penstock.state.rpc.notice_service import NoticeService
from penstock.state.rpc.payload_service import PayloadService
from penstock.state.rpc.query_service import QueryService

_OWN = ("JournalService", "QueryService", "PayloadService", "NoticeService")
SERVICES = (
    *(f"penstock.api.state.v1.{name}" for name in _OWN),
    "penstock.api.workflow.v1.ChildrenService",
    "penstock.api.history.v1.HistoryQueryService",
)


def registration(
    journal: JournalService,
    query: QueryService,
    payload: PayloadService,
    history: HistoryQueryService,
    notices: NoticeService,
    children: ChildrenService,
) -> Callable[[grpc.aio.Server], None]:
    """What to do with a server so that it offers these services."""

    def register(server: grpc.aio.Server) -> None:
        add_JournalServiceServicer_to_server(journal, server)
        add_QueryServiceServicer_to_server(query, server)
        add_PayloadServiceServicer_to_server(payload, server)
        add_HistoryQueryServiceServicer_to_server(history, server)
        add_NoticeServiceServicer_to_server(notices, server)
        add_ChildrenServiceServicer_to_server(children, server)

    return register
