"""Telling an execution that something happened to it, wherever it is."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from penstock.api.workflow.v1.workflow_service_pb2 import (
    EXECUTION_DETAIL_OUTLINE,
    GetExecutionRequest,
)
from penstock.common.errors import PenstockError, Unavailable, no_execution
from penstock.coordinator.ports import Queries
from penstock.coordinator.shell.dormancy.awakening import Awakening
from penstock.coordinator.shell.live import Happening, Live
from penstock.coordinator.shell.room import Room
from penstock.coordinator.shell.shards.shards import Shards
from penstock.workflow.execution.values import OPEN_STATUSES


class Told(NamedTuple):
    """The execution, and whether it took the input in."""

    live: Live
    accepted: bool


HappeningFor = Callable[[Live], Happening]
"""The input for an execution that was found; may raise an operating error instead."""

_InputsFor = Callable[[Live], Sequence[Happening]]


class _Answer:
    """A call that waits for its inputs to be on disk, all of them; None if the execution is not
    live."""

    def __init__(self, tenant: str, inputs: _InputsFor, room: Room) -> None:
        self.done: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
        self._tenant = tenant
        self._inputs = inputs
        self._room = room
        self._awaited = 0

    def on_awake(self, live: Live) -> None:
        try:
            if live.tenant != self._tenant:
                raise no_execution(live.id)
            self._room.check_writable()
            inputs = self._inputs(live)
        except PenstockError as error:
            self.on_failed(error)
        except Exception as fault:  # noqa: BLE001 - it is the asking call's, not the awakening's
            if not self.done.done():
                self.done.set_exception(fault)
        else:
            self._awaited = len(inputs)
            for happened in inputs:
                self._room.put(live, happened, self)

    def on_absent(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def on_committed(self, live: Live, accepted: bool) -> None:
        self._awaited -= 1
        if not self._awaited and not self.done.done():
            self.done.set_result(Told(live, accepted))

    def on_failed(self, error: PenstockError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Telling:
    """Finds executions and hands inputs to them."""

    def __init__(self, shards: Shards, room: Room, awakening: Awakening, queries: Queries) -> None:
        self._shards = shards
        self._room = room
        self._awakening = awakening
        self._queries = queries

    async def tell(self, tenant: str, execution_id: str, happened: Happening) -> Told | int:
        """Put an input to an execution; returns, once that is on disk, the execution and whether it
        took it in, or the status of one that has ended. Raises `NotFound`, `WrongOwner`,
        `Unavailable`."""
        return await self._tell(tenant, execution_id, lambda live: (happened,))

    async def tell_in_turn(
        self, tenant: str, execution_id: str, happened: Sequence[Happening]
    ) -> Told | int:
        """The same for several inputs, at least one; what is said of the last one."""
        return await self._tell(tenant, execution_id, lambda live: happened)

    async def tell_what_fits(
        self, tenant: str, execution_id: str, happening: HappeningFor
    ) -> Told | int:
        """The same for an input that depends on the execution; raises what `happening` raises."""
        return await self._tell(tenant, execution_id, lambda live: (happening(live),))

    async def _tell(self, tenant: str, execution_id: str, inputs: _InputsFor) -> Told | int:
        self._shards.of(execution_id)
        for _ in range(2):
            answer = _Answer(tenant, inputs, self._room)
            self._awakening.reach(execution_id, answer)
            told = await answer.done
            if told is not None:
                return told
            asked = GetExecutionRequest(execution_id=execution_id, detail=EXECUTION_DETAIL_OUTLINE)
            status = int((await self._queries.get_execution(tenant, asked)).status)
            if status not in OPEN_STATUSES:
                return status
        raise Unavailable("the execution is on its way to a coordinator; try again")
