"""Segments: a leased attempt and the nodes this worker goes on with, reported together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.common.logging import get_logger
from penstock.common.tracing import current_traceparent
from penstock.nodes.api import NodeFailure
from penstock.worker.attempts import Attempts, Order
from penstock.worker.leases import Lease
from penstock.worker.outcomes import Draft, add_step_logs, set_completed, set_failed
from penstock.worker.parts import Parts
from penstock.worker.scope import RunScope
from penstock.worker.scripts import ScriptGroup, ScriptGroups, failure_of, too_large
from penstock.worker.segment import CommitThenRun, Finish, Progress, Run

log = get_logger("segments")


class ScriptCall(Protocol):
    """A call of the hot path whose result needs more than a report."""

    lease: Lease
    group: ScriptGroup
    may_continue: bool
    started_us: int

    @property
    def scope(self) -> RunScope:
        """What it can read."""
        ...


class _Segment:
    """One segment while it runs: its lease, its report so far, its own view of the values."""

    def __init__(self, lease: Lease, scope: RunScope, *, may_continue: bool, now_us: int) -> None:
        self.lease = lease
        self.scope = scope.branch()
        self.draft = Draft()
        self.progress = Progress(scope.program.rules, scope.values)
        self.may_continue = may_continue
        self.began_us = now_us
        self.failed = False

    def add(self, outcome: pb.NodeOutcome) -> None:
        """A node's outcome: into the report, and into what the following nodes can see."""
        self.draft.add_made(outcome)
        kind = outcome.WhichOneof("kind")
        node = outcome.ref.node
        if kind == "completed":
            done = outcome.completed
            self.scope.add_output(node, done.output)
            self.progress.note_completed(node, tuple(done.chosen), routed=done.routed)
        else:
            self.failed = kind in ("failed", "lost")
            self.progress.note_other(node)

    def report(self) -> None:
        """Say the last of it."""
        self.lease.session.report(self.lease, self.draft.report)


class Segments:
    """Runs segments, each in a task of its own."""

    def __init__(
        self, parts: Parts, groups: ScriptGroups, attempts: Attempts, tasks: asyncio.TaskGroup
    ) -> None:
        self._parts = parts
        self._groups = groups
        self._attempts = attempts
        self._tasks = tasks

    def start(self, lease: Lease, scope: RunScope, order: Order) -> None:
        """Run a leased attempt, and what may follow."""
        may_continue = scope.group.may_continue and not order.item
        now_us = self._parts.clock.now_us()
        segment = _Segment(lease, scope, may_continue=may_continue, now_us=now_us)
        lease.started_us = now_us
        lease.stop = self._tasks.create_task(self._guard(segment, self._run(segment, order))).cancel

    def take_result(self, call: ScriptCall, result: sandbox_pb.CallResult | None) -> None:
        """Go on from the result of a call of the hot path."""
        segment = _Segment(
            call.lease, call.scope, may_continue=call.may_continue, now_us=call.started_us
        )
        run_on = self._run_on(segment, call.group, result)
        call.lease.stop = self._tasks.create_task(self._guard(segment, run_on)).cancel

    async def _guard(self, segment: _Segment, running: Coroutine[Any, Any, None]) -> None:
        """A fault of the worker itself fails the attempt, not the worker."""
        current_traceparent.set(segment.scope.group.traceparent)
        try:
            await running
        except asyncio.CancelledError:
            segment.lease.session.on_stopped(segment.lease)
            raise
        except Exception as error:
            _, node, item, attempt = segment.lease.key
            log.exception("segment_broke", execution=segment.scope.execution_id, node=node)
            failure = error
            if not isinstance(error, NodeFailure):
                text = f"the worker met a fault: {type(error).__name__}: {error}"
                failure = NodeFailure("system", "INTERNAL", text)
            if segment.draft.is_empty and isinstance(failure, NodeFailure):
                set_failed(segment.draft.add(node, item, attempt), failure)
            if segment.lease.report is None:
                segment.report()

    async def _run(self, segment: _Segment, order: Order) -> None:
        segment.add(await self._attempts.run(segment.scope, order))
        await self._follow(segment)

    async def _run_on(
        self, segment: _Segment, group: ScriptGroup, result: sandbox_pb.CallResult | None
    ) -> None:
        retry_alone = False
        if result is None:
            _, node, item, attempt = segment.lease.key
            outcome = segment.draft.add(node, item, attempt)
            outcome.lost.cause = "the sandbox went away"
            segment.failed = True
        else:
            retry_alone = await self._add_results(segment, group, result, segment.began_us)
        if retry_alone:
            program = segment.scope.program
            program.run_alone(group.nodes[0])
            _, node, item, attempt = segment.lease.key
            await self._run(segment, Order(node, item, attempt))
        else:
            await self._follow(segment)

    async def _follow(self, segment: _Segment) -> None:
        """Go on with what may follow, then report."""
        clock = self._parts.clock
        while segment.may_continue and not (segment.failed or segment.draft.is_full):
            match segment.progress.next_step(clock.now_us() - segment.began_us):
                case Finish():
                    break
                case Run(nodes) if segment.scope.program.rules.traits[nodes[0]].fuses:
                    await self._run_scripts(segment, nodes)
                case Run(nodes):
                    order = Order(nodes[0])
                    segment.add(await self._attempts.run(segment.scope, order))
                case CommitThenRun(node):
                    if not await self._commit(segment, node):
                        return
                    segment.add(await self._attempts.run(segment.scope, Order(node)))
        segment.report()

    async def _commit(self, segment: _Segment, node: int) -> bool:
        """The effect barrier: everything so far on disk, then `node` is the lease."""
        lease, draft = segment.lease, segment.draft
        follower = await lease.session.commit(lease, draft.report, node)
        if follower is None:
            return False
        segment.lease, segment.draft = follower, Draft()
        segment.progress.claim(node)
        segment.began_us = follower.started_us = self._parts.clock.now_us()
        return True

    async def _run_scripts(self, segment: _Segment, nodes: tuple[int, ...]) -> None:
        program = segment.scope.program
        if nodes[0] in program.fragile:
            nodes = nodes[:1]
        group = self._groups.of(program, nodes)
        await segment.scope.open(group.needs)
        call, size = group.call(segment.scope, 1)
        called_us = self._parts.clock.now_us()
        result = await self._parts.sandbox.call(call, group.scripts, None, size)
        if await self._add_results(segment, group, result, called_us):
            program.run_alone(nodes[0])
            segment.add(await self._attempts.run(segment.scope, Order(nodes[0])))

    async def _add_results(
        self,
        segment: _Segment,
        group: ScriptGroup,
        result: sandbox_pb.CallResult,
        called_us: int,
    ) -> bool:
        """Outcomes of a call of several scripts, as far as they count; without any the call's own
        time is that of the node it is blamed on.

        A step counts if its node was ready by what the steps before it chose. The limits of a jail
        are met by the call as a whole, so its death is blamed on a node only if that ran alone:
        True says that nothing came of the call and its first node is to be run by itself.
        """
        spent_us = sum(step.duration_us for step in result.steps)
        at_us = self._parts.clock.now_us() - spent_us if result.steps else called_us
        leading = segment.lease.key[1] if not segment.progress.ended else -1
        for place, node in enumerate(group.nodes):
            if node != leading and not segment.progress.is_ready(node):
                continue
            if segment.draft.is_full:
                return False  # the others are dispatched once this is told
            if place >= len(result.steps) and len(group.nodes) > 1:
                if place == 0:
                    return True
                segment.failed = True
                return False
            await self._add_result(segment, node, result, place, at_us)
            if segment.failed:
                return False
            at_us += result.steps[place].duration_us
        return False

    async def _add_result(
        self,
        segment: _Segment,
        node: int,
        result: sandbox_pb.CallResult,
        place: int,
        at_us: int,
    ) -> None:
        _, leased, item, attempt = segment.lease.key
        if leased != node:
            item, attempt = 0, 1
        outcome = pb.NodeOutcome(started_unix_us=at_us)
        ref = outcome.ref
        ref.node, ref.item, ref.attempt = node, item, attempt
        failure = failure_of(result, place)
        if place < len(result.steps):
            step = result.steps[place]
        else:
            spent_us = max(0, self._parts.clock.now_us() - at_us)
            step = sandbox_pb.StepResult(duration_us=spent_us)
        segment.scope.program.observe(node, step.duration_us)
        limit = self._parts.output_bytes_max
        if failure is None and len(step.output_json) > limit:
            failure = too_large(len(step.output_json), limit)
        if failure is None and step.routed:
            failure = segment.scope.program.nodes[node].refuse_choice(step.chosen)
        add_step_logs(outcome, step)
        outcome.finished_unix_us = at_us + step.duration_us
        if failure is not None:
            set_failed(outcome, failure)
        else:
            output = await self._stored(segment.scope, step.output_json)
            set_completed(outcome, output, tuple(step.chosen) if step.routed else None)
        segment.add(outcome)

    async def _stored(self, scope: RunScope, output_json: bytes) -> payload_pb.Payload:
        return await self._parts.payloads.put(output_json, scope.tenant)
