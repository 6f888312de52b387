"""Room for new work: the limits at the way in, and the door to the inbox."""

import msgspec

from penstock.common.errors import LimitExceeded, Unavailable
from penstock.coordinator.core.inputs import Start
from penstock.coordinator.shell.limits.quota_desk import QuotaDesk
from penstock.coordinator.shell.live import Caller, Executions, Happening, Live
from penstock.coordinator.shell.turns import Turns


class Limits(msgspec.Struct, frozen=True):
    """Above these, new starts are refused: what is running goes on."""

    executions_max: int
    inbox_max: int


class Room:
    """Admits executions while there is room and the journal can be written."""

    def __init__(
        self, executions: Executions, turns: Turns, limits: Limits, quotas: QuotaDesk
    ) -> None:
        self._executions = executions
        self._turns = turns
        self._limits = limits
        self.quotas = quotas
        self.accepting = True

    def check(self) -> None:
        """Raises `LimitExceeded` if there is no room, `Unavailable` if nothing can be written."""
        self.check_writable()
        if len(self._executions) >= self._limits.executions_max:
            raise LimitExceeded("too many live executions", limit=self._limits.executions_max)
        if self._turns.waiting >= self._limits.inbox_max:
            raise LimitExceeded("too much waits to be decided", limit=self._limits.inbox_max)

    def check_writable(self) -> None:
        """Raises `Unavailable` if an input would not get on disk now."""
        if not self.accepting:
            raise Unavailable("this coordinator is shutting down; try another one")
        if self._turns.appends.stalled:
            raise Unavailable("the journal cannot be written at the moment; try again")

    def get(self, execution_id: str) -> Live | None:
        """The live execution, if it is here."""
        return self._executions.get(execution_id)

    def admit(self, live: Live, start: Start, caller: Caller) -> None:
        """Hold a new execution and let it begin."""
        self._executions.add(live)
        self._turns.put(live, start, caller)

    def put(self, live: Live, happened: Happening, caller: Caller) -> None:
        """Something happened to an execution."""
        self._turns.put(live, happened, caller)
