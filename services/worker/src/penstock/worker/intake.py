"""From dispatched groups to running attempts."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.common.logging import get_logger
from penstock.nodes.api import NodeFailure
from penstock.worker.attempts import Order, order_of
from penstock.worker.leases import Lease, LeaseKey, Session
from penstock.worker.outcomes import Draft, set_failed
from penstock.worker.parts import Parts
from penstock.worker.plans import Plans
from penstock.worker.program import PlanProgram
from penstock.worker.quick import QuickStart
from penstock.worker.room import Room
from penstock.worker.scope import RunScope
from penstock.worker.segments import Segments

log = get_logger("intake")

Leased = list[tuple[Lease, Order]]


class TaskIntake:
    """Begins the work that coordinators hand out; see `penstock.worker.links.Intake`."""

    def __init__(
        self,
        parts: Parts,
        plans: Plans,
        quick: QuickStart,
        segments: Segments,
        tasks: asyncio.TaskGroup,
        room: Room,
    ) -> None:
        self._parts = parts
        self._plans = plans
        self._quick = quick
        self._segments = segments
        self._tasks = tasks
        self._room = room

    def take(self, session: Session, groups: Iterable[pb.ExecutionTasks]) -> None:
        """Begin the work of a batch. A lease that is here already is not begun again."""
        now_us = self._parts.clock.now_us()
        for group in groups:
            if group.fence_ms and session.comes_too_late(group, self._parts.clock.monotonic()):
                continue
            program = self._plans.peek(group.definition_hash)
            if program is not None:
                self._begin(session, group, program, now_us)
                if group.fence_ms:
                    session.fence(_keys(group), group.fence_ms / 1000)
                continue
            leased = list(_leases(session, group))
            if group.fence_ms:
                session.fence(_keys(group), group.fence_ms / 1000)
            if leased:
                waiting = self._tasks.create_task(self._begin_later(session, group, leased))
                for lease, _ in leased:
                    lease.stop = _Share(waiting, leased).leave

    def _begin(
        self, session: Session, group: pb.ExecutionTasks, program: PlanProgram, now_us: int
    ) -> None:
        if group.inputs or program.asks:
            leased: Iterable[tuple[Lease, Order]] = _leases(session, group)
        else:
            leased = self._quick.begin_rows(session, group, program, now_us)
            if group.tasks:
                leased = chain(leased, _longer(session, group))
            elif not leased:
                return
        scope = RunScope(group, program, self._parts.payloads, self._parts.env_json)
        for lease, order in leased:
            self._start(lease, scope, order, now_us)

    def _start(self, lease: Lease, scope: RunScope, order: Order, now_us: int) -> None:
        node = order.node
        nodes = scope.program.nodes
        if node >= len(nodes):
            text = f"the plan has no node {node}"
            _refuse(lease, NodeFailure("system", "DEFINITION_UNUSABLE", text))
        elif scope.program.asks and (resources := nodes[node].node.resources):
            self._room.begin(lease, resources, lambda: self._start_now(lease, scope, order))
        else:
            self._run(lease, scope, order, now_us)

    def _start_now(self, lease: Lease, scope: RunScope, order: Order) -> None:
        """Begin what waited for room."""
        self._run(lease, scope, order, self._parts.clock.now_us())

    def _run(self, lease: Lease, scope: RunScope, order: Order, now_us: int) -> None:
        node = scope.program.nodes[order.node]
        if not (
            order.input is None
            and node.is_quick(order.item)
            and self._quick.start(lease, scope, order, now_us)
        ):
            self._segments.start(lease, scope, order)

    async def _begin_later(
        self, session: Session, group: pb.ExecutionTasks, leased: Leased
    ) -> None:
        try:
            program = await self._plans.get(group.definition_hash, group.tenant)
        except NodeFailure as failure:
            log.warning("definition_unusable", hash=group.definition_hash, error=failure.message)
            for lease, _ in leased:
                _refuse(lease, failure)
            return
        scope = RunScope(group, program, self._parts.payloads, self._parts.env_json)
        now_us = self._parts.clock.now_us()
        for lease, order in leased:
            if _is_wanted(lease):
                self._start(lease, scope, order, now_us)


def _leases(session: Session, group: pb.ExecutionTasks) -> Iterator[tuple[Lease, Order]]:
    """The tasks of a group that this worker does not have yet, each with its new lease."""
    execution_id = group.execution_id
    for node in group.first_attempts:
        lease = session.take((execution_id, node, 0, 1))
        if lease is not None:
            yield lease, Order(node)
    yield from _longer(session, group)


def _keys(group: pb.ExecutionTasks) -> Iterator[LeaseKey]:
    """The leases of a group's tasks."""
    execution_id = group.execution_id
    for node in group.first_attempts:
        yield execution_id, node, 0, 1
    for task in group.tasks:
        yield execution_id, task.ref.node, task.ref.item, task.ref.attempt


def _longer(session: Session, group: pb.ExecutionTasks) -> Iterator[tuple[Lease, Order]]:
    """Those of the tasks in their long form."""
    execution_id = group.execution_id
    for task in group.tasks:
        ref = task.ref
        lease = session.take((execution_id, ref.node, ref.item, ref.attempt))
        if lease is not None:
            yield lease, order_of(task)


class _Share:
    """A lease's part in a wait for a definition: the wait ends when nobody is left in it."""

    def __init__(self, waiting: "asyncio.Task[None]", leased: Leased) -> None:
        self._waiting = waiting
        self._leased = leased

    def leave(self) -> None:
        """One lease was abandoned."""
        if not any(_is_wanted(lease) for lease, _ in self._leased):
            self._waiting.cancel()


def _is_wanted(lease: Lease) -> bool:
    """True unless the attempt was abandoned or handed back: then it must not begin any more."""
    return lease.session.leases.get(lease.key) is lease and lease.report is None


def _refuse(lease: Lease, failure: NodeFailure) -> None:
    draft = Draft()
    _, node, item, attempt = lease.key
    set_failed(draft.add(node, item, attempt), failure)
    lease.session.report(lease, draft.report)
