"""What the routes of the debugger need from other services."""

from typing import Protocol

from penstock.api.debug.v1 import debug_service_pb2 as pb


class DebugDoor(Protocol):
    """Debugged executions. Everything raises `NotFound` for what does not belong to the account."""

    async def command(self, request: pb.DebugExecutionRequest, tenant: str) -> pb.DebugState:
        """Do one thing; answers when that is on disk."""
        ...

    async def state(self, execution_id: str, tenant: str) -> pb.DebugState:
        """Where it stands."""
        ...

    async def inspect(self, request: pb.InspectNodeRequest, tenant: str) -> pb.InspectNodeResponse:
        """What a node sees."""
        ...
