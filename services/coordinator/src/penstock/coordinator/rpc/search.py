"""SearchService and DeadLetterService: finding executions and dealing with failed ones."""

from typing import Any

import grpc

from penstock.api.search.v1 import search_service_pb2 as pb
from penstock.api.search.v1.search_service_pb2_grpc import (
    DeadLetterServiceServicer,
    SearchServiceServicer,
)
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.finding_ports import Finding
from penstock.coordinator.shell.operations.dead_letters import DeadLetters

Context = grpc.aio.ServicerContext[Any, Any]


class SearchRpc(SearchServiceServicer):
    """Searches pass through to state."""

    def __init__(self, finding: Finding) -> None:
        self._finding = finding

    async def SearchExecutions(
        self, request: pb.SearchExecutionsRequest, context: Context
    ) -> pb.SearchExecutionsResponse:
        """A page of what a query finds."""
        return await self._finding.search(call_tenant(context), request)

    async def CountExecutions(
        self, request: pb.CountExecutionsRequest, context: Context
    ) -> pb.CountExecutionsResponse:
        """How many a query finds."""
        return await self._finding.count(call_tenant(context), request)


class DeadLetterRpc(DeadLetterServiceServicer):
    """Translates between the contract and the shell."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    async def RetryDeadLetter(
        self, request: pb.RetryDeadLetterRequest, context: Context
    ) -> pb.RetryDeadLetterResponse:
        """Start a new execution in its place."""
        answer = await self._letters.retry(call_tenant(context), request)
        return pb.RetryDeadLetterResponse(
            execution_id=answer.execution_id, existing=answer.existing, status=answer.status
        )

    async def DiscardDeadLetter(
        self, request: pb.DiscardDeadLetterRequest, context: Context
    ) -> pb.DiscardDeadLetterResponse:
        """Take it off the list."""
        letter = await self._letters.discard(
            call_tenant(context), request.execution_id, request.reason
        )
        return pb.DiscardDeadLetterResponse(dead_letter=letter)

    async def RestoreDeadLetter(
        self, request: pb.RestoreDeadLetterRequest, context: Context
    ) -> pb.RestoreDeadLetterResponse:
        """Put a discarded one back."""
        letter = await self._letters.restore(call_tenant(context), request.execution_id)
        return pb.RestoreDeadLetterResponse(dead_letter=letter)
