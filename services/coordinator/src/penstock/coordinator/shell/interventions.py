"""Cancel and signal: what people do to a running execution."""

import asyncio

from penstock.common.errors import (
    Conflict,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
)
from penstock.coordinator.core.inputs import CancelAsked, SignalArrived
from penstock.coordinator.ports import Payloads, Queries
from penstock.coordinator.shell.asked import REASON_CHARS_MAX, check_text, decoded
from penstock.coordinator.shell.live import Happening, Live
from penstock.coordinator.shell.room import Room
from penstock.coordinator.shell.shards import Shards
from penstock.workflow.execution.values import INLINE_BYTES_MAX, NULL, ExecutionStatus, Payload
from penstock.workflow.execution.waits import SIGNALS_BUFFERED_MAX

SIGNAL_BYTES_MAX = 1024 * 1024
_RUNNING = int(ExecutionStatus.RUNNING)


class _Answer:
    """A call that waits for its input to be on disk."""

    def __init__(self) -> None:
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def on_committed(self, live: Live, accepted: bool) -> None:
        if not self.done.done():
            self.done.set_result(accepted)

    def on_failed(self, error: PenstockError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Interventions:
    """A cancel of an execution that has ended changes nothing; a signal to it is refused, unless it
    repeats one that had arrived."""

    def __init__(self, shards: Shards, room: Room, queries: Queries, payloads: Payloads) -> None:
        self._shards = shards
        self._room = room
        self._queries = queries
        self._payloads = payloads

    async def cancel(self, tenant: str, execution_id: str, reason: str) -> int:
        """End an execution; returns its status once that is on disk. Raises `NotFound`,
        `WrongOwner`, `Unavailable`."""
        check_text(reason, "reason", REASON_CHARS_MAX)
        live = await self._find(tenant, execution_id)
        if isinstance(live, int):
            return live
        await self._put(live, CancelAsked(reason))
        end = live.state.end
        return int(end.status) if end is not None else _RUNNING

    async def signal(
        self, tenant: str, execution_id: str, name: str, json: bytes, signal_id: str
    ) -> None:
        """Hand data to an execution; returns once it is on disk. Signals with one id are one.
        Raises `LimitExceeded`, and `Conflict` once nobody can get it any more."""
        if not name:
            raise InvalidArgument("A signal needs a name.", fix="Give one.", path="name")
        check_text(name, "name")
        check_text(signal_id, "signal_id")
        if len(json) > SIGNAL_BYTES_MAX:
            raise PayloadTooLarge(f"{len(json)} bytes; the limit is {SIGNAL_BYTES_MAX}")
        if json:
            decoded(json, "payload")
        payload = NULL if not json else Payload(json)
        if len(json) > INLINE_BYTES_MAX:
            payload = await self._payloads.put(json)
        live = await self._find(tenant, execution_id)
        if isinstance(live, int):
            await self._refuse_late(tenant, execution_id, name, signal_id)
            return
        accepted = await self._put(live, SignalArrived(name, payload, signal_id))
        if not accepted and live.state.end is not None:
            await self._refuse_late(tenant, execution_id, name, signal_id)
        elif not accepted:
            raise LimitExceeded(
                "the execution keeps too many signals that nothing has waited for yet",
                fix="Check the signal's name, or send it again later.",
                limit=SIGNALS_BUFFERED_MAX,
            )

    async def _refuse_late(self, tenant: str, execution_id: str, name: str, signal_id: str) -> None:
        """Raise `Conflict` unless the same signal arrived before the end."""
        if signal_id and await self._arrived(tenant, execution_id, name, signal_id):
            return
        raise Conflict(
            f"the execution has ended; nobody can get the signal {name!r}",
            fix="Start a new execution, or signal one that is still running.",
        )

    async def _arrived(self, tenant: str, execution_id: str, name: str, signal_id: str) -> bool:
        seq = 0
        while batches := await self._queries.read_events(tenant, execution_id, seq):
            for event in (event for batch in batches for event in batch.events):
                signal = event.signal_received
                if (signal.name, signal.signal_id) == (name, signal_id):
                    return True
            seq = batches[-1].first_seq + len(batches[-1].events) - 1
        return False

    async def _find(self, tenant: str, execution_id: str) -> Live | int:
        """The live execution, or the status of one that has ended."""
        self._shards.of(execution_id)
        live = self._room.get(execution_id)
        if live is not None:
            if live.tenant != tenant:
                raise NotFound(f"there is no execution {execution_id}")
            self._room.check_writable()
            return live
        status = int((await self._queries.get_execution(tenant, execution_id)).status)
        if status != _RUNNING:
            return status
        late = self._room.get(execution_id)
        if late is not None:
            return late
        raise Unavailable("the execution is on its way to a coordinator; try again")

    async def _put(self, live: Live, happened: Happening) -> bool:
        """Whether it was taken in, once that is on disk."""
        answer = _Answer()
        self._room.put(live, happened, answer)
        return await answer.done
