"""Notices that come in, from this coordinator or another one: each is done, or answered by why not.

Every one of them may come again, and changes nothing then: a start meets the execution that has its
id, an end meets a node that waits no more, a cancel an execution that has ended.
"""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from penstock.api.payload.v1 import payload_pb2
from penstock.api.peer.v1 import peer_service_pb2 as peer
from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.child_codec import read_parent
from penstock.common.errors import (
    InvalidWorkflow,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
    WrongOwner,
    to_facts,
)
from penstock.common.logging import get_logger
from penstock.common.value_codec import payload_from_proto, write_failure
from penstock.coordinator.ports import Payloads
from penstock.coordinator.shell.hands.telling import Telling
from penstock.coordinator.shell.live import Happening
from penstock.coordinator.shell.notices.notice_codec import go_together, input_of
from penstock.coordinator.shell.starts.one_start import OneStart
from penstock.coordinator.shell.starts.start_ids import Under
from penstock.coordinator.shell.starts.starts import PARAMS_BYTES_MAX, Call, Starts
from penstock.workflow.execution.events import Parent, StartOptions
from penstock.workflow.execution.values import Failure

PATIENCE_S = 5.0
"""What has not arrived by then is answered with "later", so that others need not wait for it."""
_ISSUES_TOLD = 3
"""Findings that the message of a refused start names; its details have all."""


class Receiving:
    """Takes notices in. `depth_max`: executions above a sub-workflow."""

    def __init__(
        self,
        starts: Starts,
        telling: Telling,
        payloads: Payloads,
        depth_max: int,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._starts = starts
        self._telling = telling
        self._payloads = payloads
        self._depth_max = depth_max
        self._patience_s = patience_s
        self._log = get_logger("receiving")

    async def deliver(self, notices: Sequence[peer.Notice]) -> list[peer.Delivery]:
        """What became of each, once it is on disk; they share commits."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.receive(portion)) for portion in _portions(notices)]
        return [answer for task in tasks for answer in task.result()]

    async def receive(self, notices: Sequence[peer.Notice]) -> list[peer.Delivery]:
        """What became of some that go together, or of a single one, once it is on disk. If that
        takes long, "later": what goes on of it then is met by the next try."""
        notice = notices[0]
        answer = peer.Delivery()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._take_in(notices)
        except TimeoutError:
            answer.later.cause = f"it took longer than {self._patience_s:g} s"
        except WrongOwner as elsewhere:
            answer.later.cause = elsewhere.message
            answer.later.owner = str(elsewhere.facts.get("owner", ""))
        except PenstockError as error:
            if error.retryable or not notice.HasField("start"):
                answer.later.cause = error.message
            else:
                write_failure(answer.refused, _failure_of(error))
        except _TooDeep:
            message = (
                f"There would be {notice.start.parent.depth} executions above the sub-workflow; "
                f"the limit is {self._depth_max}. Does it start itself?"
            )
            write_failure(answer.refused, Failure("permanent", "SUBWORKFLOW_TOO_DEEP", message))
        except Exception as fault:  # noqa: BLE001 - one notice must not end the service
            self._log.exception("notice_failed", target=notice.target_id, error=repr(fault))
            answer.later.cause = "the notice met a fault of the engine"
        else:
            answer.arrived.SetInParent()
        return [answer] * len(notices)

    async def _take_in(self, notices: Sequence[peer.Notice]) -> None:
        notice = notices[0]
        if notice.HasField("start"):
            await self._start(notice)
        else:
            happened = [input_of(each) for each in notices]
            await self._tell(notice.tenant, notice.target_id, happened)

    async def tell(self, tenant: str, execution_id: str, happened: Happening) -> None:
        """Put an input to an execution; returns once that is on disk, or the execution is over or
        unknown. Raises retryable errors, `Unavailable` if it takes long."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._tell(tenant, execution_id, [happened])
        except TimeoutError:
            raise Unavailable(f"{execution_id} was not reached in time") from None

    async def _tell(self, tenant: str, execution_id: str, happened: Sequence[Happening]) -> None:
        try:
            await self._telling.tell_in_turn(tenant, execution_id, happened)
        except NotFound:
            return

    async def _start(self, notice: peer.Notice) -> None:
        start = notice.start
        parent = read_parent(start.parent) if start.HasField("parent") else None
        if parent is not None and parent.depth > self._depth_max:
            raise _TooDeep
        request = StartExecutionRequest(
            workflow=start.workflow,
            version=start.version,
            params_json=await self._json_of(notice.tenant, start.params),
            tags=start.tags,
        )
        if start.HasField("trigger"):
            request.trigger_json = await self._json_of(notice.tenant, start.trigger)
        priority = start.priority_plus_one - 1 if start.priority_plus_one else None
        options = StartOptions(priority=priority, debug=start.debug, parent=parent)
        call = Call(
            notice.tenant,
            request,
            start.traceparent,
            listener := OneStart(waits=False),
            under=Under(notice.target_id, _fingerprint(notice, parent)),
            options=options,
            owed=True,
        )
        self._starts.start(call)
        await listener.done

    async def _json_of(self, tenant: str, message: payload_pb2.Payload) -> bytes:
        value = payload_from_proto(message)
        if not value.digest:
            return value.json
        if value.size > PARAMS_BYTES_MAX:
            raise PayloadTooLarge(f"{value.size} bytes; the limit is {PARAMS_BYTES_MAX}")
        return await self._payloads.get(tenant, value.digest)


def _portions(notices: Sequence[peer.Notice]) -> Iterator[list[peer.Notice]]:
    """The same notices, with those in a list that go together."""
    portion: list[peer.Notice] = []
    for notice in notices:
        if portion and not go_together(portion[0], notice):
            yield portion
            portion = []
        portion.append(notice)
    if portion:
        yield portion


class _TooDeep(Exception):
    """More executions would be above a sub-workflow than may be."""


def _fingerprint(notice: peer.Notice, parent: Parent | None) -> str:
    """The same however often the notice comes, another one for any other start of that id."""
    if parent is None:
        return f"notice of {notice.sender_id}"
    ref = parent.ref
    return f"child of {parent.execution_id}/{ref.node}/{ref.item}/{ref.attempt}"


def _failure_of(error: PenstockError) -> Failure:
    """Why a sub-workflow cannot be started, with all findings."""
    message = error.message
    if isinstance(error, InvalidWorkflow):
        told = [f"{issue.get('path', '')}: {issue.get('message', '')}" for issue in error.issues]
        more = len(told) - _ISSUES_TOLD
        message = " ".join([message, *told[:_ISSUES_TOLD]])
        message += f" And {more} more." if more > 0 else ""
    return Failure("permanent", error.reason, message, msgspec.json.encode(to_facts(error)))
