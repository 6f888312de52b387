"""Streams to coordinators: who is there, one Work stream to each, sessions that outlive them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import grpc

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.dispatch.v1 import dispatch_service_pb2_grpc as pb_grpc
from penstock.common.clock import Clock
from penstock.common.logging import get_logger
from penstock.common.rpc.streams import Outbox
from penstock.worker.leases import Beat, Draining, Lease, Outgoing, Row, Session, Stopped
from penstock.worker.room import Room

_BATCH = 1000
_MESSAGE_BYTES_MAX = 8 * 1024 * 1024
_TICK_S = 0.025
_FIRST_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0
_HEARTBEAT_MS = 1000
_FENCE_S = 0.25

OpenChannel = Callable[[str], AbstractAsyncContextManager[Any]]

log = get_logger("links")


class Intake(Protocol):
    """Takes what coordinators hand out."""

    def take(self, session: Session, groups: Iterable[pb.ExecutionTasks]) -> None:
        """Begin the work of a batch."""
        ...


class Links:
    """All coordinators of a worker."""

    def __init__(
        self,
        seeds: Sequence[str],
        hello: pb.Hello,
        intake: Intake,
        open_channel: OpenChannel,
        clock: Clock,
        room: Room | None = None,
    ) -> None:
        self.hello = hello
        self.room = Room(hello.resources) if room is None else room
        self.room.on_change = self._tell_others
        self.intake = intake
        self.open_channel = open_channel
        self.clock = clock
        self.draining = False
        self.sessions: dict[str, Session] = {}
        self._seeds = tuple(seeds)
        self._wanted: set[str] = set(seeds)
        self._links: dict[str, Link] = {}
        self.reports_made = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._fenced = asyncio.Event()

    async def run(self) -> None:
        """Keep a stream to every coordinator until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._connect()
            await self._keep_fences()

    def watch_fences(self) -> None:
        """Something is under a fence."""
        self._fenced.set()

    async def _keep_fences(self) -> None:
        """Stop what is under a fence when its coordinator falls silent, for ever."""
        while True:
            await self._fenced.wait()
            await asyncio.sleep(_FENCE_S)
            now_s = self.clock.monotonic()
            fenced = [one.keep_fences(now_s) for one in self.sessions.values()]
            if not any(fenced):
                self._fenced.clear()

    def _connect(self) -> None:
        if self._tasks is None:
            return
        for address in sorted(self._wanted - self._links.keys()):
            link = self._links[address] = Link(self, address)
            self._tasks.create_task(link.run())

    def is_wanted(self, address: str) -> bool:
        """True if a stream to this address should be kept."""
        return address in self._wanted

    def left(self, link: "Link") -> None:
        """A link ended."""
        self._links.pop(link.address, None)
        self.broke()

    def broke(self) -> None:
        """A stream ended. Without any other the seeds are tried again beside what was listed: those
        may all be gone for good, and nobody else can tell who came after them."""
        if not self.connected:
            self._wanted.update(self._seeds)
        self._connect()

    def on_coordinators(self, addresses: Sequence[str], teller: "Link") -> None:
        """The list of live coordinators changed. A seed that is a second name of a listed one goes
        once its coordinator has been reached by the listed name."""
        listed = set(addresses)
        unlisted = {teller.address} - listed
        self._wanted = listed | unlisted
        self._connect()

    def bind(self, coordinator_id: str, link: "Link") -> Session:
        """The session with this coordinator, from now on over this link."""
        session = self.sessions.get(coordinator_id)
        if session is None:
            session = link.last_session or Session(self._report_ids())
            self.sessions = {k: v for k, v in self.sessions.items() if v is not session}
            self.sessions[coordinator_id] = session
        for other in list(self._links.values()):
            if other is not link and other.session is session:
                self._wanted.discard(other.address)
        session.bind(link.outbox)
        return session

    def _report_ids(self) -> Iterator[int]:
        """Ids for reports, unique within this process."""
        while True:
            self.reports_made += 1
            yield self.reports_made

    def held(self, before: Session | None) -> Iterable[pb.HeldAttempt]:
        """Every attempt this worker has and who gave it; each coordinator picks its own. Those of
        the session `before`, that of the link this goes out on, are for whoever is there now."""
        for giver, session in self.sessions.items():
            for lease in session.leases.values():
                held = pb.HeldAttempt(execution_id=lease.key[0])
                if session is not before:
                    held.coordinator_id = giver
                lease.write_ref(held.ref)
                yield held

    def held_beside(self, session: Session | None) -> int:
        """How many attempts this worker has of other coordinators."""
        return sum(len(one.leases) for one in self.sessions.values() if one is not session)

    def _tell_others(self, changed: Session) -> None:
        """Attempts of one coordinator took or left resources: the others hear it at once."""
        for session in self.sessions.values():
            if session is not changed and session.outbox is not None:
                session.outbox.put(Beat())

    def drain(self) -> None:
        """Ask for no more tasks."""
        self.draining = True
        for session in self.sessions.values():
            if session.outbox is not None:
                session.outbox.put(Draining())

    @property
    def connected(self) -> int:
        """How many coordinators are reached now."""
        return sum(link.session is not None for link in self._links.values())

    def is_idle(self) -> bool:
        """True if no attempt is held and every report is answered."""
        return not any(one.leases or one.pending for one in self.sessions.values())

    def hand_back(self, cause: str) -> None:
        """Give all attempts back; those that wait for room do not begin any more."""
        self.room.close()
        for session in self.sessions.values():
            session.hand_back(cause)


class Link:
    """One address: connects, introduces itself, and moves messages until told to stop."""

    def __init__(self, links: Links, address: str) -> None:
        self._links = links
        self.address = address
        self.session: Session | None = None
        self.last_session: Session | None = None
        self.outbox: Outbox[Outgoing] = Outbox()
        self._heartbeat_s = _HEARTBEAT_MS / 1000
        self._sent_at = 0.0

    async def run(self) -> None:
        """Keep the stream while the address is wanted."""
        pause_s = _FIRST_PAUSE_S
        told = False
        async with self._links.open_channel(self.address) as channel:
            stub: Any = pb_grpc.DispatchServiceStub(channel)
            while self._links.is_wanted(self.address):
                error = await self._one_stream(stub)
                if self.session is not None:
                    pause_s, told = _FIRST_PAUSE_S, False
                    self.last_session, self.session = self.session, None
                    self._links.broke()
                if not told:
                    log.warning("coordinator_lost", address=self.address, error=error)
                    told = True
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)
        self._links.left(self)

    async def _one_stream(self, stub: Any) -> str:
        """One life of the stream; returns why it ended."""
        outbox: Outbox[Outgoing] = Outbox()
        self.outbox = outbox
        error = "the stream ended"
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(self._tick())
            try:
                async for response in stub.Work(self._requests(outbox)):
                    self._on_response(response)
            except grpc.aio.AioRpcError as broken:
                error = broken.details() or broken.code().name
            finally:
                ticking.cancel()
                outbox.close()
                if self.session is not None:
                    self.session.unbind(outbox)
        return error

    async def _requests(self, outbox: Outbox[Outgoing]) -> AsyncIterator[pb.WorkRequest]:
        hello = pb.Hello()
        hello.CopyFrom(self._links.hello)
        hello.held.extend(self._links.held(self.last_session))
        beside = self._links.room.beside(self.last_session)
        yield pb.WorkRequest(
            hello=hello,
            draining=self._links.draining,
            elsewhere_resources=beside,
            sent_us=self._clock_us(),
        )
        async for batch in outbox.batches(_BATCH):
            request = pb.WorkRequest()
            size = 0
            for item in batch:
                if type(item) is Lease:
                    if size and size + item.size > _MESSAGE_BYTES_MAX:
                        request.sent_us = self._clock_us()
                        yield request
                        request, size = pb.WorkRequest(), 0
                    _add_report(request, item)
                    size += item.size
                elif isinstance(item, pb.AttemptStarted):
                    request.started.append(item)
                elif isinstance(item, Beat):
                    request.heartbeat = True
                elif isinstance(item, Stopped):
                    _add_stopped(request, item)
                else:
                    request.draining = True
            request.elsewhere = self._links.held_beside(self.session)
            if self._links.room.taken:
                request.elsewhere_resources.update(self._links.room.beside(self.session))
            self._sent_at = self._links.clock.monotonic()
            request.sent_us = self._clock_us()
            yield request

    def _clock_us(self) -> int:
        return round(self._links.clock.monotonic() * 1e6)

    async def _tick(self) -> None:
        """Heartbeats when nothing else was sent; news of attempts that run for a while."""
        clock = self._links.clock
        while True:
            session = self.session
            if session is None or not session.leases:
                await self._rest(session)
            else:
                await asyncio.sleep(_TICK_S)
                session.announce(clock.now_us())
            if session is not None and clock.monotonic() - self._sent_at >= self._heartbeat_s * 0.8:
                self._sent_at = clock.monotonic()
                self.outbox.put(Beat())

    async def _rest(self, session: Session | None) -> None:
        """Sleep until there is work or a heartbeat is due."""
        try:
            async with asyncio.timeout(self._heartbeat_s * 0.8):
                if session is not None:
                    await session.busy.wait()
                else:
                    await asyncio.sleep(_TICK_S * 4)
        except TimeoutError:
            pass

    def _on_response(self, response: pb.WorkResponse) -> None:
        if response.HasField("welcome"):
            welcome = response.welcome
            self._heartbeat_s = (welcome.heartbeat_ms or _HEARTBEAT_MS) / 1000
            self.session = self._links.bind(welcome.coordinator_id, self)
            log.info("coordinator_joined", address=self.address, id=welcome.coordinator_id)
        session = self.session
        if session is None:
            return
        if response.tasks or response.beat:
            session.hear(response.echo_us / 1e6 or self._links.clock.monotonic())
        if response.refused:  # first, for what is void is perhaps handed out anew beside it
            session.on_answers(response.refused, committed=False)
        if response.tasks:
            self._links.intake.take(session, response.tasks)
            if session.fenced:
                self._links.watch_fences()
        if response.committed:
            session.on_answers(response.committed, committed=True)
        for cancel in response.cancels:
            session.on_cancel(cancel)
        if response.coordinators:
            self._links.on_coordinators(response.coordinators, self)


def _add_stopped(request: pb.WorkRequest, stopped: Stopped) -> None:
    held = request.stopped.add(execution_id=stopped.key[0])
    _, held.ref.node, held.ref.item, held.ref.attempt = stopped.key


def _add_report(request: pb.WorkRequest, lease: Lease) -> None:
    report = lease.report
    if isinstance(report, Row):
        report.write(request.reports.add(report_id=lease.report_id, execution_id=lease.key[0]))
    elif report is not None:
        request.reports.append(report)
