"""The coordinator's server side: all services on one port."""

from collections.abc import Callable

import grpc

from penstock.api.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from penstock.api.debug.v1.debug_service_pb2_grpc import add_DebugServiceServicer_to_server
from penstock.api.dispatch.v1.dispatch_service_pb2_grpc import add_DispatchServiceServicer_to_server
from penstock.api.history.v1.history_service_pb2_grpc import add_HistoryServiceServicer_to_server
from penstock.api.limits.v1.limits_service_pb2_grpc import add_LimitsServiceServicer_to_server
from penstock.api.limits.v1.permit_service_pb2_grpc import add_PermitServiceServicer_to_server
from penstock.api.operation.v1.operation_service_pb2_grpc import (
    add_OperationServiceServicer_to_server,
)
from penstock.api.peer.v1.peer_service_pb2_grpc import add_PeerServiceServicer_to_server
from penstock.api.schedule.v1.schedule_service_pb2_grpc import add_ScheduleServiceServicer_to_server
from penstock.api.scheduling.v1.scheduling_service_pb2_grpc import (
    add_SchedulingServiceServicer_to_server,
)
from penstock.api.search.v1.search_service_pb2_grpc import (
    add_DeadLetterServiceServicer_to_server,
    add_SearchServiceServicer_to_server,
)
from penstock.api.workflow.v1.children_service_pb2_grpc import add_ChildrenServiceServicer_to_server
from penstock.api.workflow.v1.intervention_service_pb2_grpc import (
    add_InterventionServiceServicer_to_server,
)
from penstock.api.workflow.v1.task_service_pb2_grpc import add_TaskServiceServicer_to_server
from penstock.api.workflow.v1.workflow_service_pb2_grpc import add_WorkflowServiceServicer_to_server
from penstock.coordinator.rpc.audit import AuditRpc
from penstock.coordinator.rpc.children import ChildrenRpc
from penstock.coordinator.rpc.debug import DebugRpc
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.rpc.history import HistoryRpc
from penstock.coordinator.rpc.interventions import InterventionRpc
from penstock.coordinator.rpc.limits import LimitsRpc
from penstock.coordinator.rpc.operations import OperationRpc
from penstock.coordinator.rpc.peers import PeerRpc
from penstock.coordinator.rpc.permits import permits_of
from penstock.coordinator.rpc.schedules import ScheduleRpc
from penstock.coordinator.rpc.scheduling import SchedulingRpc
from penstock.coordinator.rpc.search import DeadLetterRpc, SearchRpc
from penstock.coordinator.rpc.tasks import TaskRpc
from penstock.coordinator.rpc.workflows import WorkflowRpc
from penstock.coordinator.shell.coordinator import Coordinator

SERVICES = (
    "penstock.api.workflow.v1.WorkflowService",
    "penstock.api.dispatch.v1.DispatchService",
    "penstock.api.audit.v1.AuditService",
    "penstock.api.history.v1.HistoryService",
    "penstock.api.debug.v1.DebugService",
    "penstock.api.workflow.v1.InterventionService",
    "penstock.api.workflow.v1.TaskService",
    "penstock.api.peer.v1.PeerService",
    "penstock.api.workflow.v1.ChildrenService",
    "penstock.api.search.v1.SearchService",
    "penstock.api.operation.v1.OperationService",
    "penstock.api.search.v1.DeadLetterService",
    "penstock.api.schedule.v1.ScheduleService",
    "penstock.api.scheduling.v1.SchedulingService",
    "penstock.api.limits.v1.LimitsService",
    "penstock.api.limits.v1.PermitService",
)


def registration(
    coordinator: Coordinator, dispatch: DispatchRpc, workflows: WorkflowRpc
) -> Callable[[grpc.aio.Server], None]:
    """What `open_server` calls to add the services."""

    def register(server: grpc.aio.Server) -> None:
        add_DispatchServiceServicer_to_server(dispatch, server)
        add_WorkflowServiceServicer_to_server(workflows, server)
        add_AuditServiceServicer_to_server(AuditRpc(coordinator), server)
        add_HistoryServiceServicer_to_server(HistoryRpc(coordinator), server)
        add_DebugServiceServicer_to_server(DebugRpc(coordinator), server)
        add_InterventionServiceServicer_to_server(InterventionRpc(coordinator.hands), server)
        tasks = TaskRpc(coordinator.state.tasks, coordinator.answers)
        add_TaskServiceServicer_to_server(tasks, server)
        add_PeerServiceServicer_to_server(PeerRpc(coordinator), server)
        add_ChildrenServiceServicer_to_server(ChildrenRpc(coordinator), server)
        add_SearchServiceServicer_to_server(SearchRpc(coordinator.state.finding), server)
        operations = OperationRpc(coordinator.operations, coordinator.state.operations)
        add_OperationServiceServicer_to_server(operations, server)
        add_DeadLetterServiceServicer_to_server(DeadLetterRpc(coordinator.letters), server)
        add_ScheduleServiceServicer_to_server(ScheduleRpc(coordinator.desk), server)
        add_SchedulingServiceServicer_to_server(SchedulingRpc(coordinator), server)
        add_LimitsServiceServicer_to_server(LimitsRpc(coordinator), server)
        add_PermitServiceServicer_to_server(permits_of(coordinator), server)

    return register
