"""The coordinator's server side: both services on one port."""

from collections.abc import Callable

import grpc

from penstock.api.dispatch.v1.dispatch_service_pb2_grpc import add_DispatchServiceServicer_to_server
from penstock.api.workflow.v1.workflow_service_pb2_grpc import add_WorkflowServiceServicer_to_server
from penstock.coordinator.rpc.dispatch import DispatchRpc
from penstock.coordinator.rpc.workflows import WorkflowRpc

SERVICES = (
    "penstock.api.workflow.v1.WorkflowService",
    "penstock.api.dispatch.v1.DispatchService",
)


def registration(
    dispatch: DispatchRpc, workflows: WorkflowRpc
) -> Callable[[grpc.aio.Server], None]:
    """What `open_server` calls to add the services."""

    def register(server: grpc.aio.Server) -> None:
        add_DispatchServiceServicer_to_server(dispatch, server)
        add_WorkflowServiceServicer_to_server(workflows, server)

    return register
