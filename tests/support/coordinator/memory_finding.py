"""State's searches in memory, for coordinators: over the histories that they appended."""

from penstock.api.journal.v1.journal_pb2 import EXECUTION_STATUS_RUNNING, ExecutionStarted
from penstock.api.search.v1 import search_service_pb2 as pb
from penstock.common.errors import InvalidQuery, NotFound
from penstock.workflow.search.query import DEAD_STATUSES, LETTERS
from penstock.workflow.search.reading import read_query


class MemoryFinding:
    """The port `Finding`: queries by id, status, workflow, tag and state of the dead letter."""

    def __init__(self, state) -> None:
        self._state = state
        self.settled: dict[str, pb.DeadLetter] = {}

    def _status(self, execution_id: str) -> int:
        last = self._state.histories[execution_id][-1].events[-1]
        ended = last.WhichOneof("kind") == "execution_ended"
        return last.execution_ended.status if ended else EXECUTION_STATUS_RUNNING

    def _started(self, execution_id: str) -> ExecutionStarted:
        return self._state.histories[execution_id][0].events[0].execution_started

    def _letter(self, execution_id: str) -> pb.DeadLetter | None:
        if self._status(execution_id) not in DEAD_STATUSES:
            return None
        return self.settled.get(execution_id, pb.DeadLetter(state=pb.LETTER_STATE_OPEN))

    def _fits(self, tenant, query, execution_id) -> bool:
        started, letter = self._started(execution_id), self._letter(execution_id)
        return (
            self._state.tenants[execution_id] == tenant
            and (not query.ids or execution_id in query.ids)
            and (not query.statuses or self._status(execution_id) in query.statuses)
            and (not query.workflows or started.workflow in query.workflows)
            and all(set(group) & set(started.tags) for group in query.tags)
            and (
                not query.letters
                or (letter is not None and LETTERS[letter.state - 1] in query.letters)
            )
        )

    def found(self, tenant: str, text: str) -> list[str]:
        query, issues = read_query(text, 0)
        if issues:
            raise InvalidQuery(issues[0].message)
        return [i for i in sorted(self._state.histories) if self._fits(tenant, query, i)]

    async def search(self, tenant, request):
        self._state.check_up("search")
        ids = [i for i in self.found(tenant, request.query) if i > request.page_token]
        answer = pb.SearchExecutionsResponse()
        size = request.page_size or 50
        for execution_id in ids[:size]:
            found = answer.executions.add()
            found.execution.id = execution_id
            found.execution.status = self._status(execution_id)
            if letter := self._letter(execution_id):
                found.dead_letter.CopyFrom(letter)
        if len(ids) > size:
            answer.next_page_token = ids[size - 1]
        return answer

    async def count(self, tenant, request):
        self._state.check_up("count")
        return pb.CountExecutionsResponse(count=len(self.found(tenant, request.query)), exact=True)

    async def settle(self, tenant, execution_id, wanted):
        self._state.check_up("settle")
        known = execution_id in self._state.histories
        letter = self._letter(execution_id) if known else None
        if letter is None or self._state.tenants[execution_id] != tenant:
            raise NotFound("there is no such dead letter")
        if letter.state != pb.LETTER_STATE_RETRIED:
            self.settled[execution_id] = wanted
        return self._letter(execution_id)
