"""InterventionService: what people do to executions, on every coordinator."""

from typing import Any

import grpc

from penstock.api.workflow.v1 import intervention_service_pb2 as pb
from penstock.api.workflow.v1.intervention_service_pb2_grpc import InterventionServiceServicer
from penstock.common.errors import InvalidArgument
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.shell.hands.hands import Asked, Hands
from penstock.workflow.execution.values import Operation

Context = grpc.aio.ServicerContext[Any, Any]

_OPERATIONS = {int(operation): operation for operation in Operation}


class InterventionRpc(InterventionServiceServicer):
    """Translates between the contract and the shell."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def PauseExecution(
        self, request: pb.PauseExecutionRequest, context: Context
    ) -> pb.PauseExecutionResponse:
        """Hand out nothing new."""
        stands = await self._hands.pause(call_tenant(context), request)
        return pb.PauseExecutionResponse(status=stands.status, repeated=stands.repeated)  # type: ignore[arg-type]

    async def ResumeExecution(
        self, request: pb.ResumeExecutionRequest, context: Context
    ) -> pb.ResumeExecutionResponse:
        """End a pause."""
        stands = await self._hands.resume(call_tenant(context), request)
        return pb.ResumeExecutionResponse(status=stands.status, repeated=stands.repeated)  # type: ignore[arg-type]

    async def InterveneNode(
        self, request: pb.InterveneNodeRequest, context: Context
    ) -> pb.InterveneNodeResponse:
        """Do something to a node."""
        operation = _OPERATIONS.get(request.operation)
        if operation is None:
            names = ", ".join(each.name for each in Operation)
            raise InvalidArgument(
                f"There is no operation {request.operation}.",
                fix=f"Give one of {names}.",
                path="operation",
            )
        asked = Asked(
            request.node,
            request.item,
            operation,
            request.by,
            request.reason,
            request.value_json,
            tuple(request.chosen),
            request.routed,
            request.message,
            request.intervention_id,
        )
        now = await self._hands.intervene(call_tenant(context), request.execution_id, asked)
        return pb.InterveneNodeResponse(status=now.status, attempt=now.attempt)  # type: ignore[arg-type]
