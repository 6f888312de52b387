"""What the record says: plans and journals read back through the state service, for checkers."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import stamina

from penstock.api.journal.v1.journal_pb2 import EventBatch
from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.state.v1 import state_service_pb2_grpc as rpc
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import Unavailable
from penstock.common.journal_codec import batch_from_proto
from penstock.common.rpc.channel import call, open_channel
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from penstock.workflow.execution.events import Event, ExecutionStarted
from penstock.workflow.plan import Plan
from support.journal_checker import check_journal
from support.journal_families import check_families


@stamina.retry(on=Unavailable, timeout=30)
async def _ask(method: Any, request: Any) -> Any:
    """An answer of a state service that may be coming up again."""
    return await call(method, request)


class Record:
    """Reads from one state service."""

    def __init__(self, stub: rpc.QueryServiceStub) -> None:
        self._stub = stub
        self._plans: dict[str, Plan] = {}

    async def plan(self, definition_hash: str) -> Plan:
        if definition_hash not in self._plans:
            answer = await _ask(
                self._stub.GetDefinition, pb.GetDefinitionRequest(definition_hash=definition_hash)
            )
            self._plans[definition_hash] = compile_source(answer.source, catalog())
        return self._plans[definition_hash]

    async def journal(self, execution_id: str) -> list[EventBatch]:
        batches: list[EventBatch] = []
        more, seq = True, 0
        while more:
            answer = await _ask(
                self._stub.ReadEvents,
                pb.ReadEventsRequest(execution_id=execution_id, after_seq=seq),
            )
            batches += answer.batches
            more = answer.more
            seq = batches[-1].first_seq + len(batches[-1].events) - 1 if batches else 0
        return batches

    async def execution(self, execution_id: str) -> wf.Execution:
        answer = await _ask(
            self._stub.GetExecution, wf.GetExecutionRequest(execution_id=execution_id)
        )
        return answer.execution

    async def faults(self, execution_id: str) -> list[str]:
        """What the independent checker finds wrong with a finished execution; empty if nothing."""
        batches = await self.journal(execution_id)
        definition = batches[0].events[0].execution_started.definition_hash
        plan = await self.plan(definition)
        found = check_journal(plan, [batch_from_proto(batch) for batch in batches], ended=True)
        return [f"{execution_id}: {fault}" for fault in found]

    async def family_faults(self, execution_ids: Iterable[str]) -> list[str]:
        """What is wrong between executions; all of a family must be among them."""
        histories: dict[str, list[Event]] = {}
        for each in execution_ids:
            batches = await self.journal(each)
            histories[each] = [e for b in batches for e in batch_from_proto(b)[3]]
        started = [each[0] for each in histories.values()]
        names = {each.definition_hash for each in started if isinstance(each, ExecutionStarted)}
        plans = {name: await self.plan(name) for name in names}
        return check_families(histories, plans)


@asynccontextmanager
async def open_record(state_address: str) -> AsyncIterator[Record]:
    async with open_channel(state_address) as channel:
        yield Record(rpc.QueryServiceStub(channel))
