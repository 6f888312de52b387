"""SearchService and DeadLetterStoreService: finding executions, and what was done about those that
failed. The account of a call restricts every one of them."""

from typing import Any

import grpc
from msgspec import structs

from penstock.api.search.v1 import search_service_pb2 as pb
from penstock.api.search.v1.search_service_pb2_grpc import (
    DeadLetterStoreServiceServicer,
    SearchServiceServicer,
)
from penstock.common.clock import Clock
from penstock.common.errors import InvalidArgument, NotFound
from penstock.common.ids import is_ulid
from penstock.common.rpc.server import call_tenant
from penstock.state.finding.asking import refuse_unsearched, understood
from penstock.state.finding.ports import (
    DeadLetterStore,
    FoundRow,
    LetterRow,
    Place,
    SearchStore,
)
from penstock.state.ports import WorkflowStore
from penstock.state.reading.cursors import from_token, page_size_of, to_token
from penstock.state.reading.pictures import summary
from penstock.workflow.search.query import LETTERS, Query, Span

Context = grpc.aio.ServicerContext[Any, Any]

COUNT_DEFAULT = 10_000
COUNT_MAX = 100_000
REASON_CHARS_MAX = 1000


class SearchService(SearchServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, store: SearchStore, workflows: WorkflowStore, clock: Clock) -> None:
        self._store = store
        self._workflows = workflows
        self._clock = clock

    async def SearchExecutions(
        self, request: pb.SearchExecutionsRequest, context: Context
    ) -> pb.SearchExecutionsResponse:
        """A page of what the query finds."""
        tenant = call_tenant(context)
        size = page_size_of(request.page_size)
        newest = request.order != pb.ORDER_OLDEST
        asked = ("search", request.query, newest)
        now_us, place = (
            request.now_unix_us or self._clock.now_us(),
            None,
        )  # relative times count from the first page
        if request.page_token:
            token = from_token(request.page_token, tuple[int, int, str], asked)
            now_us, place = token[0], token[1:]
        query = await self._read(tenant, request.query, now_us)
        if request.started_before_us:
            span = query.started.narrowed(Span(before_us=request.started_before_us))
            query = structs.replace(query, started=span)
        found = await self._store.page(tenant, query, place, size + 1, newest=newest)
        answer = pb.SearchExecutionsResponse(executions=map(_to_proto, found.rows[:size]))
        if len(found.rows) > size:
            last = found.rows[size - 1].row
            ends: Place | None = (last.started_us, last.execution_id)
        else:
            ends = found.place
        if ends is not None:
            answer.next_page_token = to_token((now_us, *ends), asked)
        return answer

    async def CountExecutions(
        self, request: pb.CountExecutionsRequest, context: Context
    ) -> pb.CountExecutionsResponse:
        """How many the query finds."""
        tenant = call_tenant(context)
        if request.count_max > COUNT_MAX:
            raise InvalidArgument(
                f"count_max is {request.count_max}",
                fix=f"Ask for 1 to {COUNT_MAX}, or 0 for {COUNT_DEFAULT}.",
            )
        query = await self._read(tenant, request.query, self._clock.now_us())
        most = request.count_max or COUNT_DEFAULT
        count, exact = await self._store.count(tenant, query, most)
        return pb.CountExecutionsResponse(count=count, exact=exact)

    async def _read(self, tenant: str, text: str, now_us: int) -> Query:
        if "\x00" in text:
            raise InvalidArgument(
                "the query holds the character U+0000", fix="Remove it.", path="q"
            )
        query = understood(text, now_us, tenant)
        await refuse_unsearched(self._workflows, tenant, query)
        return query


class DeadLetterStoreService(DeadLetterStoreServiceServicer):
    """Translates between the contract and the store."""

    def __init__(self, store: DeadLetterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def SettleDeadLetter(
        self, request: pb.SettleDeadLetterRequest, context: Context
    ) -> pb.SettleDeadLetterResponse:
        """Note what was done; answers with what is true then."""
        wanted, execution_id = request.dead_letter, request.execution_id
        known = pb.LETTER_STATE_OPEN <= wanted.state <= pb.LETTER_STATE_DISCARDED
        if not is_ulid(execution_id) or not known or len(wanted.reason) > REASON_CHARS_MAX:
            raise InvalidArgument("the execution id, state or reason is not acceptable")
        reason = wanted.reason.replace("\x00", "\ufffd")
        row = LetterRow(LETTERS[wanted.state - 1], reason, self._clock.now_us(), wanted.retried_as)
        settled = await self._store.settle(call_tenant(context), execution_id, row)
        if settled is None:
            raise NotFound(
                f"there is no dead letter {execution_id}",
                fix="Only executions that FAILED or TIMED_OUT become dead letters.",
                execution_id=execution_id,
            )
        return pb.SettleDeadLetterResponse(dead_letter=_letter_to_proto(settled))


def _letter_to_proto(letter: LetterRow) -> pb.DeadLetter:
    return pb.DeadLetter(
        state=LETTERS.index(letter.state) + 1,  # type: ignore[arg-type]
        reason=letter.reason,
        settled_unix_us=letter.settled_us,
        retried_as=letter.retried_as,
    )


def _to_proto(found: FoundRow) -> pb.FoundExecution:
    execution = summary(found.row)
    execution.failed_node = found.failed_node
    letter = None if found.letter is None else _letter_to_proto(found.letter)
    return pb.FoundExecution(execution=execution, dead_letter=letter)
