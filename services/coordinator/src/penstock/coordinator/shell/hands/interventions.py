"""Cancel and signal: what people do to a running execution."""

from penstock.api.journal.v1.journal_pb2 import Event
from penstock.common.errors import (
    Conflict,
    InvalidArgument,
    LimitExceeded,
    PayloadTooLarge,
)
from penstock.coordinator.core.inputs import CancelAsked, SignalArrived
from penstock.coordinator.ports import Payloads, Queries
from penstock.coordinator.shell.hands.on_record import is_on_record
from penstock.coordinator.shell.hands.telling import Telling
from penstock.coordinator.shell.starts.asked import REASON_CHARS_MAX, check_text, decoded
from penstock.workflow.execution.values import INLINE_BYTES_MAX, NULL, ExecutionStatus, Payload
from penstock.workflow.execution.waits import SIGNALS_BUFFERED_MAX, SIGNALS_BYTES_MAX

SIGNAL_BYTES_MAX = 1024 * 1024
_RUNNING = int(ExecutionStatus.RUNNING)


class Interventions:
    """A cancel of an execution that has ended changes nothing; a signal to it is refused, unless it
    repeats one that had arrived."""

    def __init__(self, telling: Telling, queries: Queries, payloads: Payloads) -> None:
        self._telling = telling
        self._queries = queries
        self._payloads = payloads

    async def cancel(self, tenant: str, execution_id: str, reason: str) -> int:
        """End an execution; returns its status once that is on disk. Raises `NotFound`,
        `WrongOwner`, `Unavailable`."""
        check_text(reason, "reason", REASON_CHARS_MAX)
        told = await self._telling.tell(tenant, execution_id, CancelAsked(reason))
        if isinstance(told, int):
            return told
        end = told[0].state.end
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
            payload = await self._payloads.put(tenant, json)
        told = await self._telling.tell(
            tenant, execution_id, SignalArrived(name, payload, signal_id)
        )
        if isinstance(told, int):
            await self._refuse_late(tenant, execution_id, name, signal_id)
            return
        live, accepted = told
        if not accepted and live.state.end is not None:
            await self._refuse_late(tenant, execution_id, name, signal_id)
        elif not accepted:
            raise LimitExceeded(
                "the execution keeps too many or too large signals that nothing waited for yet",
                fix="Check the signal's name, or send it again later.",
                limit=SIGNALS_BUFFERED_MAX,
                limit_bytes=SIGNALS_BYTES_MAX,
            )

    async def _refuse_late(self, tenant: str, execution_id: str, name: str, signal_id: str) -> None:
        """Raise `Conflict` unless the same signal arrived before the end."""

        def is_it(event: Event) -> bool:
            signal = event.signal_received
            return (signal.name, signal.signal_id) == (name, signal_id)

        if signal_id and await is_on_record(self._queries, tenant, execution_id, is_it):
            return
        raise Conflict(
            f"the execution has ended; nobody can get the signal {name!r}",
            fix="Start a new execution, or signal one that is still running.",
        )
