"""Dead letters: executions that FAILED or TIMED_OUT, until somebody retries or discards them.

A retry runs the failed node again, with everything after it; what completed before is taken over.
It is a start under a key that is made of the dead execution's id, the same one whether it begins at
the failed node or at the start. So whoever asks again, and whatever died in between, meets the
execution that was started first; only then is the letter noted as retried, and a retry that was cut
off before that is completed by the next one.
"""

from penstock.api.history.v1.history_service_pb2 import RerunExecutionRequest
from penstock.api.journal.v1.journal_pb2 import ExecutionStarted
from penstock.api.payload.v1.payload_pb2 import Payload as PayloadMessage
from penstock.api.search.v1.search_service_pb2 import (
    LETTER_STATE_DISCARDED,
    LETTER_STATE_OPEN,
    LETTER_STATE_RETRIED,
    DeadLetter,
    FoundExecution,
    RetryDeadLetterRequest,
    SearchExecutionsRequest,
)
from penstock.api.workflow.v1.workflow_service_pb2 import (
    StartExecutionRequest,
    StartExecutionResponse,
)
from penstock.common.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    no_execution,
)
from penstock.common.ids import is_ulid
from penstock.common.value_codec import payload_from_proto
from penstock.coordinator.finding_ports import Finding
from penstock.coordinator.ports import State
from penstock.coordinator.shell.operations.reruns import Making, Reruns, rerun_scope
from penstock.coordinator.shell.starts.asked import REASON_CHARS_MAX, check_text
from penstock.coordinator.shell.starts.definitions import Definitions
from penstock.coordinator.shell.starts.one_start import start_made
from penstock.coordinator.shell.starts.start_ids import under_of
from penstock.coordinator.shell.starts.starts import (
    PARAMS_BYTES_MAX,
    Prepared,
    Starts,
    checked_params,
)
from penstock.workflow.execution.values import INLINE_BYTES_MAX, Payload


class DeadLetters:
    """What people do about them. All raise `NotFound` for what is no dead letter."""

    def __init__(
        self, starts: Starts, reruns: Reruns, definitions: Definitions, state: State
    ) -> None:
        self._starts = starts
        self._reruns = reruns
        self._definitions = definitions
        self._state = state
        self._finding: Finding = state.finding

    async def retry(self, tenant: str, asked: RetryDeadLetterRequest) -> StartExecutionResponse:
        """Start a new execution in its place, once. Raises `Conflict` if it was discarded or
        retried before with something else; `WrongOwner` names the coordinator that the new
        execution belongs to. `NotFound` also tells that it was retried and the execution in its
        place has been deleted since."""
        execution_id = asked.execution_id
        found = await self._found(tenant, execution_id)
        letter = found.dead_letter
        if letter.state == LETTER_STATE_DISCARDED:
            raise Conflict(
                f"the dead letter {execution_id} was discarded",
                fix="Restore it first.",
                execution_id=execution_id,
            )
        if letter.state == LETTER_STATE_RETRIED:
            await self._beginning(tenant, letter.retried_as)
        failed_node = "" if asked.from_start else found.execution.failed_node
        if asked.input_json and not failed_node:
            raise InvalidArgument(
                "an input is for the failed node, and here every node runs again",
                fix="Leave `input` out, or `from_start` if a node failed.",
                path="input",
            )
        if failed_node:
            making = await self._from_node(tenant, asked, failed_node)
        else:
            making = await self._from_start(tenant, asked)
        answer = await self._made_once(tenant, making, letter)
        if letter.state != LETTER_STATE_RETRIED:
            wanted = DeadLetter(state=LETTER_STATE_RETRIED, retried_as=answer.execution_id)
            await self._finding.settle(tenant, execution_id, wanted)
        return answer

    async def _made_once(
        self, tenant: str, making: Making, letter: DeadLetter
    ) -> StartExecutionResponse:
        """The execution in its place, unless that is another one already."""
        under = under_of(tenant, making.request)
        assert under is not None
        if letter.state == LETTER_STATE_RETRIED and letter.retried_as != under.execution_id:
            raise _retried(letter.retried_as)
        try:
            return await start_made(self._starts, tenant, making.request, making.prepare)
        except IdempotencyConflict as other:
            raise _retried(under.execution_id) from other

    async def _from_node(self, tenant: str, asked: RetryDeadLetterRequest, node: str) -> Making:
        """The failed node again, with everything after it."""
        request = RerunExecutionRequest(
            execution_id=asked.execution_id,
            from_nodes=[node],
            input_json=asked.input_json,
            params_json=asked.params_json,
            version=asked.version,
            idempotency_key=_key(asked.execution_id),
        )
        return await self._reruns.rerun(tenant, request)

    async def _from_start(self, tenant: str, asked: RetryDeadLetterRequest) -> Making:
        """The same start once more, known by what a re-run of it would be."""
        if len(asked.params_json) > PARAMS_BYTES_MAX:
            message = f"{len(asked.params_json)} bytes; the limit is {PARAMS_BYTES_MAX}"
            raise PayloadTooLarge(message, path="params")
        started = await self._beginning(tenant, asked.execution_id)
        request = StartExecutionRequest(
            workflow=rerun_scope(started.workflow, asked.execution_id),
            version=asked.version,
            params_json=asked.params_json,
            trigger_json=b"START",
            idempotency_key=_key(asked.execution_id),
        )

        async def prepare() -> Prepared:
            return await self._again(tenant, asked, started)

        return Making(started.workflow, request, prepare, [])

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

    async def _found(self, tenant: str, execution_id: str) -> FoundExecution:
        _check_id(execution_id)
        query = f"id:{execution_id} dead_letter:open,retried,discarded"
        found = await self._finding.search(tenant, SearchExecutionsRequest(query=query))
        if not found.executions:
            raise NotFound(
                f"there is no dead letter {execution_id}",
                fix="Only executions that FAILED or TIMED_OUT become dead letters.",
                execution_id=execution_id,
            )
        return found.executions[0]

    async def _beginning(self, tenant: str, execution_id: str) -> ExecutionStarted:
        rows = await self._state.queries.read_events(tenant, execution_id, 0, 1)
        if not rows:
            raise no_execution(execution_id)
        return rows[0].events[0].execution_started

    async def _again(
        self, tenant: str, asked: RetryDeadLetterRequest, started: ExecutionStarted
    ) -> Prepared:
        """What that start was made of, with the parameters and the version that are asked for."""
        past = await self._definitions.get(tenant, started.workflow, started.version)
        found = past
        if asked.version:
            found = await self._definitions.get(tenant, started.workflow, asked.version)
        given = asked.params_json or await self._json(tenant, started.params)
        params = Payload(checked_params(found, given))
        if len(params.json) > INLINE_BYTES_MAX:
            params = await self._state.payloads.put(tenant, params.json)
        tags = tuple(tag for tag in started.tags if tag not in past.plan.tags)
        return Prepared(found, params, payload_from_proto(started.trigger), tags)

    async def _json(self, tenant: str, value: PayloadMessage) -> bytes:
        if value.WhichOneof("kind") == "ref":
            return await self._state.payloads.get(tenant, value.ref.digest)
        return value.json


def _retried(retried_as: str) -> Conflict:
    return Conflict(
        f"it was retried as {retried_as} with other parameters",
        fix=f"A dead letter is retried once; retry {retried_as} if that fails.",
        retried_as=retried_as,
    )


def _key(execution_id: str) -> str:
    return f"dead-letter:{execution_id}"


def _check_id(execution_id: str) -> None:
    if not is_ulid(execution_id):
        raise InvalidArgument(f"{execution_id[:80]!r} is not an execution id", fix="Give a ULID.")
