"""Callers: they start executions through gateways, watch them, signal and cancel them, and keep
what they were told, to be held against the journal.

A caller knows what a user knows: who was answered believes the answer, who was not asks again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from penstock.api.workflow.v1 import intervention_service_pb2 as hands
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import (
    Conflict,
    DeadlineExceeded,
    Internal,
    LimitExceeded,
    NotFound,
    PenstockError,
    Unavailable,
    WrongOwner,
)
from penstock.workflow.plan import Plan
from simulate.cluster import Cluster
from simulate.flows import SIGNAL, awaits_signals
from simulate.hands import Hands
from simulate.script import TENANTS, Errand
from support.simulated.fabric import Process
from support.simulated.watches import OPEN

PATIENCE_S = 60.0
"""Longer than any request may take to be answered, well or badly."""
OPERATING = (Unavailable, DeadlineExceeded, LimitExceeded, WrongOwner)
"""What may be answered while something is wrong."""
_AGAIN_S = 0.15
WAIT_S = 8.0


@dataclass
class Told:
    """What callers were told: executions that were acknowledged, and by which key they are known;
    signals and cancels that were; refusals by reason; promises that were broken."""

    accepted: dict[str, Errand] = field(default_factory=dict)
    by_key: dict[tuple[str, str, str], str] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    signals: list[tuple[str, str]] = field(default_factory=list)
    cancels: list[tuple[str, int]] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class Callers:
    """All of a run's. `is_over` says of an execution whether it has ended, as only the test can
    know."""

    def __init__(
        self, cluster: Cluster, plans: dict[str, Plan], is_over: Callable[[str], bool]
    ) -> None:
        self._cluster = cluster
        self._rng = cluster.fabric.rng
        self._is_over = is_over
        self._plans = plans
        self.told = Told()
        self.hands = Hands(self.told.broken.append)

    async def ask(self, what: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Ask some gateway: what a request to its HTTP door would do. Raises operating errors."""
        gateways = self._cluster.living("gateway")
        process = self._rng.choice(gateways) if gateways else None
        doors = process.inside.get("doors") if process is not None else None
        if process is None or doors is None:
            raise Unavailable("no gateway accepts connections")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = process.spawn(_answered(what(doors), answer))
        task.add_done_callback(lambda _: _hang_up(answer))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            if not self._frozen_lately(process):
                self.told.broken.append(f"{process.name} did not answer in {PATIENCE_S} s (I10)")
            raise Unavailable("no answer") from None
        except PenstockError as error:
            self.told.refusals[error.reason] = self.told.refusals.get(error.reason, 0) + 1
            if isinstance(error, Internal):
                self.told.broken.append(f"{process.name} answered {error!r}")
            raise
        finally:
            task.cancel()

    def _frozen_lately(self, process: Process) -> bool:
        return process.frozen or not process.alive

    async def run(self, errand: Errand) -> None:
        """One caller's life."""
        await asyncio.sleep(errand.at_s)
        execution = await self._start(errand)
        if execution is None:
            return
        async with asyncio.TaskGroup() as tasks:
            for _ in range(errand.watchers):
                tasks.create_task(Watcher(self, self._cluster, errand.tenant, execution).run())
            if awaits_signals(self._cluster.script.flows[errand.flow]):
                tasks.create_task(self.signal_until_over(errand.tenant, execution, "s"))
            if errand.cancels_after_s:
                tasks.create_task(self._cancel(errand, execution))
            if errand.pauses_after_s:
                tasks.create_task(self._pause(errand, execution))
            if errand.meddles:
                tasks.create_task(self.hands.meddle(self, self._rng, errand, execution))
            if errand.pries:
                tasks.create_task(self._pry(errand, execution))

    def plan_of(self, errand: Errand) -> Plan:
        """What it starts."""
        return self._plans[errand.flow]

    async def _start(self, errand: Errand) -> str | None:
        """Start once: with a key as often as need be, without one only if it is sure that nothing
        was started. None if that remains unknown."""
        request = wf.StartExecutionRequest(
            workflow=errand.flow,
            idempotency_key=errand.key,
            wait_for=2 if errand.waits else 1,
        )
        wait_s = WAIT_S if errand.waits else None
        while True:
            try:
                answer = await self.ask(
                    lambda doors: doors.commands.start(request, errand.tenant, wait_s)
                )
            except OPERATING as error:
                if not errand.key and "not known" in error.message:
                    return None
                if not errand.key and isinstance(error, DeadlineExceeded):
                    return None
                await asyncio.sleep(_AGAIN_S)
                continue
            return self._accepted(errand, answer)

    def _accepted(self, errand: Errand, answer: wf.StartExecutionResponse) -> str:
        execution = answer.execution_id
        self.told.accepted.setdefault(execution, errand)
        if errand.key:
            name = (errand.tenant, errand.flow, errand.key)
            known = self.told.by_key.setdefault(name, execution)
            if known != execution:
                self.told.broken.append(f"{name} is {known}, and then {execution}")
        if answer.status not in OPEN:
            before = self.told.ended.setdefault(execution, answer.status)
            if before != answer.status:
                self.told.broken.append(f"{execution} ended as {before}, then as {answer.status}")
        return execution

    async def signal_until_over(self, tenant: str, execution: str, prefix: str) -> None:
        """Send signals, each until it is acknowledged, as long as something may wait for them."""
        number = 0
        while not self._is_over(execution):
            await asyncio.sleep(self._rng.choice((0.05, 0.4, 1.5)))
            number += 1
            name = f"{prefix}-{number}"
            request = wf.SignalExecutionRequest(execution_id=execution, name=SIGNAL, signal_id=name)
            request.payload_json = b'{"n": %d}' % number
            try:
                await self.insist(partial(_send, request, tenant))
            except Conflict:
                return
            self.told.signals.append((execution, name))

    async def insist(self, what: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Ask until there is an answer."""
        while True:
            try:
                return await self.ask(what)
            except OPERATING:
                await asyncio.sleep(_AGAIN_S)

    async def _cancel(self, errand: Errand, execution: str) -> None:
        await asyncio.sleep(errand.cancels_after_s)
        answer = await self.insist(
            lambda doors: doors.commands.cancel(execution, "enough", errand.tenant)
        )
        self.told.cancels.append((execution, answer.status))

    async def _pause(self, errand: Errand, execution: str) -> None:
        """Pause it, and let it go on after a while."""
        await asyncio.sleep(errand.pauses_after_s)
        hold = hands.PauseExecutionRequest(execution_id=execution, request_id="hold")
        with suppress(Conflict):
            await self.insist(lambda doors: doors.interventions.pause(hold, errand.tenant))
            await asyncio.sleep(self._rng.choice((0.05, 0.7, 2.0)))
        release = hands.ResumeExecutionRequest(execution_id=execution, request_id="release")
        with suppress(Conflict):
            await self.insist(lambda doors: doors.interventions.resume(release, errand.tenant))

    async def _pry(self, errand: Errand, execution: str) -> None:
        """The other tenant tries everything; nothing is found (I13)."""
        other = next(tenant for tenant in TENANTS if tenant != errand.tenant)
        signal = wf.SignalExecutionRequest(execution_id=execution, name=SIGNAL, signal_id="pry")
        for what in (
            lambda doors: doors.reads.execution(execution, other),
            lambda doors: doors.reads.events(execution, other, 0),
            lambda doors: doors.commands.cancel(execution, "pry", other),
            lambda doors: doors.commands.signal(signal, other),
        ):
            try:
                found = await self.insist(what)
            except NotFound:
                continue
            except PenstockError as error:
                self.told.broken.append(f"{other} learned of {execution}: {error!r} (I13)")
                continue
            self.told.broken.append(f"{other} reached {execution}: {found!r} (I13)")

    async def view(self, tenant: str, execution: str) -> wf.Execution:
        """An execution as the API shows it."""
        found: wf.Execution = await self.insist(
            lambda doors: doors.reads.execution(execution, tenant)
        )
        return found


async def _send(request: wf.SignalExecutionRequest, tenant: str, doors: Any) -> None:
    await doors.commands.signal(request, tenant)


async def _answered(work: Awaitable[Any], answer: "asyncio.Future[Any]") -> None:
    """Bring what a request comes to over to who asked."""
    try:
        result = await work
    except Exception as error:
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)


def _hang_up(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(Unavailable("the connection broke; whether it was done is not known"))


class _Line:
    """A client's connection as the hub writes to it; what is written arrives unless the gateway is
    dead by then."""

    def __init__(self, watcher: "Watcher", process: Process) -> None:
        self._watcher = watcher
        self._process = process
        self.on_taking: Callable[[], None] | None = None
        self.taking = True

    @staticmethod
    def encode(messages: Any) -> Any:
        return tuple(messages)

    def write(self, messages: Any) -> None:
        if self._process.alive:
            for message in messages:
                self._watcher.take(message)

    def silent_since(self) -> None:
        """It takes everything at once."""


class Watcher:
    """Watches one execution to its end, over as many connections as it takes; the number of the
    last event it has seen is all that it brings along (I7)."""

    def __init__(self, callers: Callers, cluster: Cluster, tenant: str, execution: str) -> None:
        self._callers = callers
        self._rng = cluster.fabric.rng
        self._cluster = cluster
        self._tenant = tenant
        self._execution = execution
        self._seen: int | None = None
        self._resumed = False
        self._leaves_after = 0
        self.ended = False
        self.leaving = asyncio.Event()

    async def run(self) -> None:
        """Until the last event."""
        while not self.ended:
            gateways = [one for one in self._cluster.living("gateway") if "doors" in one.inside]
            if gateways:
                await self._connect(self._rng.choice(gateways))
            await asyncio.sleep(self._rng.choice((0.0, 0.05, 0.5)))

    async def _connect(self, process: Process) -> None:
        self._leaves_after = self._rng.choice((1, 2, 5, 100, 100))
        self.leaving.clear()
        self._resumed = self._seen is not None
        task = process.spawn(self._watch(process))
        task.add_done_callback(lambda _: self.leaving.set())
        await self.leaving.wait()
        task.cancel()

    async def _watch(self, process: Process) -> None:
        hub = process.inside["doors"].hub
        try:
            async with hub.watch(self._execution, self._tenant, self._seen) as watch:
                if watch.over:
                    self.ended = True
                    return
                line: Any = _Line(self, process)
                await watch.write_to(line, lambda _: ())
        except (TimeoutError, PenstockError):
            return

    def take(self, message: Any) -> None:
        """A message arrives."""
        if self.leaving.is_set():
            return
        told = json.loads(message.body)
        if told.get("execution_id", self._execution) != self._execution:
            self._blame(f"got {message.body[:200]!r}")
        if "execution" in told:
            if self._resumed and message.seq < (self._seen or 0):
                self._blame(f"was shown {message.seq} after {self._seen}")
            self._seen = message.seq
            self.ended = told["execution"]["status"] not in ("RUNNING", "PENDING")
        else:
            if message.seq != (self._seen or 0) + 1:
                self._blame(f"got {message.seq} after {self._seen} (I7)")
            self._seen = message.seq
            self.ended = told["event"]["type"] == "EXECUTION_COMPLETED"
        self._leaves_after -= 1
        if self.ended or self._leaves_after <= 0:
            self.leaving.set()

    def _blame(self, what: str) -> None:
        self._callers.told.broken.append(f"a watcher of {self._execution} {what}")
