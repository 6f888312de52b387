"""Dead letters: executions that FAILED or TIMED_OUT, until somebody retries or discards them.

A retry is a start under a key that is made of the dead execution's id. So whoever asks again, and
whatever died in between, meets the execution that was started first; only then is the letter noted
as retried, and a retry that was cut off before that is completed by the next one.
"""

from penstock.api.journal.v1.journal_pb2 import ExecutionStarted
from penstock.api.payload.v1.payload_pb2 import Payload as PayloadMessage
from penstock.api.search.v1.search_service_pb2 import (
    LETTER_STATE_DISCARDED,
    LETTER_STATE_OPEN,
    LETTER_STATE_RETRIED,
    DeadLetter,
    SearchExecutionsRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2 import (
    StartExecutionRequest,
    StartExecutionResponse,
)
from penstock.common.errors import Conflict, InvalidArgument, NotFound
from penstock.common.ids import is_ulid
from penstock.coordinator.finding_ports import Finding
from penstock.coordinator.ports import State
from penstock.coordinator.shell.asked import REASON_CHARS_MAX, check_text
from penstock.coordinator.shell.definitions import Definitions
from penstock.coordinator.shell.one_start import start_one
from penstock.coordinator.shell.starts import Starts


class DeadLetters:
    """What people do about them. All raise `NotFound` for what is no dead letter."""

    def __init__(self, starts: Starts, definitions: Definitions, state: State) -> None:
        self._starts = starts
        self._definitions = definitions
        self._state = state
        self._finding: Finding = state.finding

    async def retry(
        self, tenant: str, execution_id: str, params_json: bytes = b"", version: int = 0
    ) -> StartExecutionResponse:
        """Start a new execution in its place, once. Raises `Conflict` if it was discarded, and
        `IdempotencyConflict` if it was retried before with something else; `WrongOwner` names the
        coordinator that the new execution belongs to. `NotFound` also tells that it was retried
        and the execution in its place has been deleted since."""
        letter = await self._letter(tenant, execution_id)
        if letter.state == LETTER_STATE_DISCARDED:
            raise Conflict(
                f"the dead letter {execution_id} was discarded",
                fix="Restore it first.",
                execution_id=execution_id,
            )
        if letter.state == LETTER_STATE_RETRIED:
            await self._beginning(tenant, letter.retried_as)
        started = await self._beginning(tenant, execution_id)
        request = await self._again(tenant, execution_id, started)
        if params_json:
            request.params_json = params_json
        if version:
            request.version = version
        answer = await start_one(self._starts, tenant, request)
        if letter.state != LETTER_STATE_RETRIED:
            wanted = DeadLetter(state=LETTER_STATE_RETRIED, retried_as=answer.execution_id)
            await self._finding.settle(tenant, execution_id, wanted)
        return answer

    async def discard(self, tenant: str, execution_id: str, reason: str) -> DeadLetter:
        """Take it off the list. Raises `Conflict` if it was retried."""
        check_text(reason, "reason", REASON_CHARS_MAX)
        wanted = DeadLetter(state=LETTER_STATE_DISCARDED, reason=reason)
        return await self._settle(tenant, execution_id, wanted)

    async def restore(self, tenant: str, execution_id: str) -> DeadLetter:
        """Put a discarded one back. Raises `Conflict` if it was retried."""
        return await self._settle(tenant, execution_id, DeadLetter(state=LETTER_STATE_OPEN))

    async def _settle(self, tenant: str, execution_id: str, wanted: DeadLetter) -> DeadLetter:
        _check_id(execution_id)
        settled = await self._finding.settle(tenant, execution_id, wanted)
        if settled.state != wanted.state:
            raise Conflict(
                f"the dead letter {execution_id} was retried as {settled.retried_as}",
                fix="Deal with that execution instead.",
                retried_as=settled.retried_as,
            )
        return settled

    async def _letter(self, tenant: str, execution_id: str) -> DeadLetter:
        _check_id(execution_id)
        query = f"id:{execution_id} dead_letter:open,retried,discarded"
        found = await self._finding.search(tenant, SearchExecutionsRequest(query=query))
        if not found.executions:
            raise NotFound(
                f"there is no dead letter {execution_id}",
                fix="Only executions that FAILED or TIMED_OUT become dead letters.",
                execution_id=execution_id,
            )
        return found.executions[0].dead_letter

    async def _beginning(self, tenant: str, execution_id: str) -> ExecutionStarted:
        rows = await self._state.queries.read_events(tenant, execution_id, 0, 1)
        if not rows:
            raise NotFound(f"there is no execution {execution_id}", execution_id=execution_id)
        return rows[0].events[0].execution_started

    async def _again(
        self, tenant: str, execution_id: str, started: ExecutionStarted
    ) -> StartExecutionRequest:
        """The same start once more, under the letter's key."""
        definition = await self._definitions.get(tenant, started.workflow, started.version)
        return StartExecutionRequest(
            workflow=started.workflow,
            version=started.version,
            params_json=await self._json(tenant, started.params),
            trigger_json=await self._json(tenant, started.trigger),
            tags=[tag for tag in started.tags if tag not in definition.plan.tags],
            idempotency_key=f"dead-letter:{execution_id}",
        )

    async def _json(self, tenant: str, value: PayloadMessage) -> bytes:
        if value.WhichOneof("kind") == "ref":
            return await self._state.payloads.get(tenant, value.ref.digest)
        return value.json


def _check_id(execution_id: str) -> None:
    if not is_ulid(execution_id):
        raise InvalidArgument(f"{execution_id[:80]!r} is not an execution id", fix="Give a ULID.")
