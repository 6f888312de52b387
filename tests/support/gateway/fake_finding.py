"""Searches and dead letters of a cluster in memory, speaking the real contracts."""

from typing import Any

from penstock.api.search.v1 import search_service_pb2 as pb
from penstock.api.search.v1.search_service_pb2_grpc import (
    DeadLetterServiceServicer,
    SearchServiceServicer,
)
from penstock.common.errors import Conflict, InvalidQuery, NotFound, WrongOwner
from penstock.workflow.issues import to_dicts
from penstock.workflow.search.query import DEAD_STATUSES, LETTERS, Query
from penstock.workflow.search.reading import read_query


class FakeFinding(SearchServiceServicer, DeadLetterServiceServicer):
    """Finds by id, workflow, status, tag and state of the dead letter."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.letters: dict[str, pb.DeadLetter] = {}
        self.queries: list[str] = []

    def _fits(self, query: Query, item: Any) -> bool:
        letter = self._letter(item)
        return (
            (not query.ids or item.id in query.ids)
            and (not query.workflows or item.request.workflow in query.workflows)
            and (not query.statuses or item.picture().status in query.statuses)
            and all(set(group) & set(item.request.tags) for group in query.tags)
            and (not query.letters or (letter and LETTERS[letter.state - 1] in query.letters))
        )

    def _letter(self, item: Any) -> pb.DeadLetter | None:
        if item.picture().status not in DEAD_STATUSES:
            return None
        return self.letters.get(item.id, pb.DeadLetter(state=pb.LETTER_STATE_OPEN))

    def _found(self, text: str) -> list[pb.FoundExecution]:
        self.queries.append(text)
        query, issues = read_query(text, 0)
        if issues:
            raise InvalidQuery(issues[0].message, issues=to_dicts(issues))
        items = [each for each in self._cluster.executions.values() if self._fits(query, each)]
        return [
            pb.FoundExecution(execution=item.picture(), dead_letter=self._letter(item))
            for item in sorted(items, key=lambda each: each.id, reverse=True)
        ]

    async def SearchExecutions(self, request: Any, context: Any) -> pb.SearchExecutionsResponse:
        found = self._found(request.query)
        if request.order == pb.ORDER_OLDEST:
            found.reverse()
        begin = int(request.page_token or 0)
        end = begin + request.page_size
        token = str(end) if end < len(found) else ""
        return pb.SearchExecutionsResponse(executions=found[begin:end], next_page_token=token)

    async def CountExecutions(self, request: Any, context: Any) -> pb.CountExecutionsResponse:
        count, most = len(self._found(request.query)), request.count_max or 10_000
        return pb.CountExecutionsResponse(count=min(count, most), exact=count <= most)

    def _dead(self, execution_id: str) -> pb.DeadLetter:
        item = self._cluster.executions.get(execution_id)
        letter = self._letter(item) if item is not None else None
        if letter is None:
            raise NotFound(f"there is no dead letter {execution_id}")
        return letter

    async def RetryDeadLetter(self, request: Any, context: Any) -> pb.RetryDeadLetterResponse:
        letter = self._dead(request.execution_id)
        if self._cluster.redirect:
            owner, self._cluster.redirect = self._cluster.redirect, ""
            raise WrongOwner(execution_id=request.execution_id, owner=owner)
        if letter.state == pb.LETTER_STATE_DISCARDED:
            raise Conflict("the dead letter was discarded")
        again = self._cluster.executions[request.execution_id].request
        again.idempotency_key = f"dead-letter:{request.execution_id}"
        again.params_json = request.params_json or again.params_json
        started, existing = self._cluster.begin(again)
        self.letters[request.execution_id] = pb.DeadLetter(
            state=pb.LETTER_STATE_RETRIED, retried_as=started.id, settled_unix_us=1
        )
        return pb.RetryDeadLetterResponse(
            execution_id=started.id, existing=existing, status=started.picture().status
        )

    async def DiscardDeadLetter(self, request: Any, context: Any) -> pb.DiscardDeadLetterResponse:
        if self._dead(request.execution_id).state == pb.LETTER_STATE_RETRIED:
            raise Conflict("the dead letter was retried")
        letter = pb.DeadLetter(
            state=pb.LETTER_STATE_DISCARDED, reason=request.reason, settled_unix_us=1
        )
        self.letters[request.execution_id] = letter
        return pb.DiscardDeadLetterResponse(dead_letter=letter)

    async def RestoreDeadLetter(self, request: Any, context: Any) -> pb.RestoreDeadLetterResponse:
        self._dead(request.execution_id)
        self.letters.pop(request.execution_id, None)
        return pb.RestoreDeadLetterResponse(dead_letter=self._dead(request.execution_id))
