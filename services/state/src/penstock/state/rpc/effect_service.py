"""EffectService: the effect ledger of an execution. The account of a call restricts it."""

import heapq
from typing import Any

import grpc

from penstock.api.workflow.v1 import effect_service_pb2 as pb
from penstock.api.workflow.v1.effect_service_pb2_grpc import EffectServiceServicer
from penstock.common.errors import NotFound, no_execution
from penstock.common.journal_codec import decode_batch
from penstock.common.rpc.server import call_tenant
from penstock.state.ports import ExecutionStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.reading.heavy import HeavyReads, Reading
from penstock.state.reading.plans import PlanCache
from penstock.state.rpc.checks import checked_id
from penstock.workflow.execution.effects import EffectAttempt, EffectLedger, Key
from penstock.workflow.plan import Plan

Context = grpc.aio.ServicerContext[Any, Any]

_PAGE_ROWS = 200
_AT_ONCE = 250


class EffectService(EffectServiceServicer):
    """Reads a history and tells what it says of effects. O(events)."""

    def __init__(self, executions: ExecutionStore, plans: PlanCache, heavy: HeavyReads) -> None:
        self._executions = executions
        self._plans = plans
        self._heavy = heavy

    async def ListEffects(
        self, request: pb.ListEffectsRequest, context: Context
    ) -> pb.ListEffectsResponse:
        """A page. Raises `NotFound` for an execution or a node that is not there."""
        tenant, execution_id = call_tenant(context), checked_id(request.execution_id)
        size, token = page_size_of(request.page_size), request.page_token
        asked = ("effects", execution_id, request.node)
        after = from_token(token, tuple[int, int], asked) if token else (-1, 0)
        row = await self._executions.find(tenant, execution_id)
        if row is None:
            raise no_execution(execution_id)
        plan = await self._plans.plan(tenant, row.definition_hash)
        only = _index_of(plan, request.node) if request.node else None
        ledger = await self._read(tenant, execution_id, plan)
        asked_for = (key for key in ledger.attempts if key > after and only in (None, key[0]))
        keys = heapq.nsmallest(size + 1, asked_for)
        answer = pb.ListEffectsResponse()
        for key in keys[:size]:
            node = plan.nodes[key[0]]
            effect = answer.effects.add(
                node=node.id,
                item=key[1],
                effects=node.effects,
                idempotency_key=ledger.idempotency_key(execution_id, key),
            )
            for attempt in ledger.attempts[key]:
                _write(effect.attempts.add(), attempt)
        if len(keys) > size:
            last: Key = keys[size - 1]
            answer.next_page_token = to_token(last, asked)
        return answer

    async def _read(self, tenant: str, execution_id: str, plan: Plan) -> EffectLedger:
        """Goes through the whole history, and keeps nothing but what it says of effects."""
        ledger = EffectLedger(plan)
        seq = 0
        async with self._heavy.reading() as reading:
            while True:
                page = await self._executions.history(tenant, execution_id, seq, _PAGE_ROWS)
                for last_seq, body in page.rows:
                    await _take_row(ledger, body, reading)
                    seq = last_seq
                if not page.more:
                    return ledger


async def _take_row(ledger: EffectLedger, body: bytes, reading: Reading) -> None:
    _, _, at_us, events = decode_batch(body)
    await reading.did(0, len(body))
    for first in range(0, len(events), _AT_ONCE):
        some = events[first : first + _AT_ONCE]
        for event in some:
            ledger.take_in(event, at_us)
        await reading.did(len(some))


def _index_of(plan: Plan, node_id: str) -> int:
    try:
        return plan.index_of(node_id)
    except KeyError:
        raise NotFound(
            f"the workflow {plan.name} has no node {node_id[:80]!r}", node=node_id
        ) from None


def _write(message: pb.EffectAttempt, attempt: EffectAttempt) -> None:
    message.attempt = attempt.attempt
    message.outcome = int(attempt.outcome)  # type: ignore[assignment]
    message.at_unix_us = attempt.at_us
    message.worker = attempt.worker
    message.note = attempt.note
