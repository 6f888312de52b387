"""All services of one process, to be added to a gRPC server."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc

from penstock.api.debug.v1.debug_service_pb2_grpc import add_DebugQueryServiceServicer_to_server
from penstock.api.history.v1.history_service_pb2_grpc import (
    add_HistoryQueryServiceServicer_to_server,
)
from penstock.api.operation.v1.operation_service_pb2_grpc import (
    add_OperationStoreServiceServicer_to_server,
)
from penstock.api.search.v1.search_service_pb2_grpc import (
    add_DeadLetterStoreServiceServicer_to_server,
    add_SearchServiceServicer_to_server,
)
from penstock.api.state.v1.notice_service_pb2_grpc import add_NoticeServiceServicer_to_server
from penstock.api.state.v1.retention_service_pb2_grpc import (
    add_RetentionServiceServicer_to_server,
)
from penstock.api.state.v1.schedule_store_pb2_grpc import (
    add_ScheduleStoreServiceServicer_to_server,
)
from penstock.api.state.v1.state_service_pb2_grpc import (
    add_JournalServiceServicer_to_server,
    add_PayloadServiceServicer_to_server,
    add_QueryServiceServicer_to_server,
)
from penstock.api.state.v1.task_query_service_pb2_grpc import (
    add_TaskQueryServiceServicer_to_server,
)
from penstock.api.state.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server
from penstock.api.workflow.v1.children_service_pb2_grpc import add_ChildrenServiceServicer_to_server
from penstock.api.workflow.v1.effect_service_pb2_grpc import add_EffectServiceServicer_to_server
from penstock.state.rpc.children_service import ChildrenService
from penstock.state.rpc.debug_service import DebugQueryService
from penstock.state.rpc.effect_service import EffectService
from penstock.state.rpc.history_service import HistoryQueryService
from penstock.state.rpc.journal_service import JournalService
from penstock.state.rpc.notice_service import NoticeService
from penstock.state.rpc.operation_service import OperationStoreService
from penstock.state.rpc.payload_service import PayloadService
from penstock.state.rpc.query_service import QueryService
from penstock.state.rpc.retention_service import RetentionService
from penstock.state.rpc.schedule_store import ScheduleStoreService
from penstock.state.rpc.search_service import DeadLetterStoreService, SearchService
from penstock.state.rpc.task_service import TaskQueryService
from penstock.state.rpc.usage_service import UsageService

_OWN = (
    "JournalService",
    "QueryService",
    "PayloadService",
    "NoticeService",
    "ScheduleStoreService",
    "TaskQueryService",
    "UsageService",
    "RetentionService",
)
SERVICES = (
    *(f"penstock.api.state.v1.{name}" for name in _OWN),
    "penstock.api.workflow.v1.ChildrenService",
    "penstock.api.workflow.v1.EffectService",
    "penstock.api.history.v1.HistoryQueryService",
    "penstock.api.search.v1.SearchService",
    "penstock.api.operation.v1.OperationStoreService",
    "penstock.api.search.v1.DeadLetterStoreService",
    "penstock.api.debug.v1.DebugQueryService",
)

_ADD: Mapping[type, Callable[[Any, Any], None]] = {
    JournalService: add_JournalServiceServicer_to_server,
    QueryService: add_QueryServiceServicer_to_server,
    PayloadService: add_PayloadServiceServicer_to_server,
    HistoryQueryService: add_HistoryQueryServiceServicer_to_server,
    DebugQueryService: add_DebugQueryServiceServicer_to_server,
    NoticeService: add_NoticeServiceServicer_to_server,
    ChildrenService: add_ChildrenServiceServicer_to_server,
    OperationStoreService: add_OperationStoreServiceServicer_to_server,
    SearchService: add_SearchServiceServicer_to_server,
    ScheduleStoreService: add_ScheduleStoreServiceServicer_to_server,
    DeadLetterStoreService: add_DeadLetterStoreServiceServicer_to_server,
    TaskQueryService: add_TaskQueryServiceServicer_to_server,
    UsageService: add_UsageServiceServicer_to_server,
    RetentionService: add_RetentionServiceServicer_to_server,
    EffectService: add_EffectServiceServicer_to_server,
}


def registration(*offered: object) -> Callable[[grpc.aio.Server], None]:
    """What to do with a server so that it offers these services."""

    def register(server: grpc.aio.Server) -> None:
        for service in offered:
            _ADD[type(service)](service, server)

    return register
