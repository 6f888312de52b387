"""The hot path: pure JavaScript attempts without a task each.

A dispatched batch becomes calls at once; each completes by a callback on its result, which makes
the report. Whatever is out of the ordinary (stored inputs, large outputs, failures in the
middle of a group, children that follow) is left to `Segments`.
"""

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.worker.leases import Lease
from penstock.worker.outcomes import Draft
from penstock.worker.parts import Parts
from penstock.worker.program import NodeProgram
from penstock.worker.scope import NotOpened, RunScope
from penstock.worker.scripts import ScriptGroup, ScriptGroups
from penstock.worker.segments import Segments
from penstock.workflow.execution.values import INLINE_BYTES_MAX


def is_quick(program: NodeProgram, item: int) -> bool:
    """True if an attempt is nothing but a script without host functions."""
    node = program.node
    return (
        program.script is not None
        and not program.host_functions
        and (item > 0 or (node.when is None and node.for_each is None))
    )


class QuickCall:
    """A call under way: gets its result and reports."""

    __slots__ = (
        "call_id",
        "group",
        "lease",
        "may_continue",
        "parts",
        "scope",
        "segments",
        "started_us",
    )

    def __init__(
        self,
        parts: Parts,
        segments: Segments,
        lease: Lease,
        scope: RunScope,
        group: ScriptGroup,
    ) -> None:
        self.parts = parts
        self.segments = segments
        self.lease = lease
        self.scope = scope
        self.group = group
        self.may_continue = False
        self.call_id = 0
        self.started_us = 0

    def stop(self) -> None:
        """Abandon the call."""
        self.parts.sandbox.cancel(self.call_id)

    def done(self, result: sandbox_pb.CallResult | None) -> None:
        """The result is there."""
        if result is None or not self._is_plain(result):
            self.segments.take_result(self, result)
            return
        draft = Draft()
        nodes = self.group.nodes
        _, _, item, attempt = self.lease.key
        at_us = self.started_us
        for place, step in enumerate(result.steps):
            outcome = draft.add(nodes[place], item, attempt)
            outcome.started_unix_us = at_us
            at_us += step.duration_us
            write_step(outcome, step)
            outcome.finished_unix_us = at_us
            draft.size += len(step.output_json)
        if len(nodes) == 1 and not result.steps[0].duration_us:
            outcome.finished_unix_us = self.parts.clock.now_us()
        self.lease.session.report(self.lease, draft.report, draft.size)

    def _is_plain(self, result: sandbox_pb.CallResult) -> bool:
        steps = result.steps
        if self.may_continue or len(steps) != len(self.group.nodes):
            return False
        alone = len(steps) == 1
        for step in steps:
            if len(step.output_json) > INLINE_BYTES_MAX:
                return False
            if not alone and (step.routed or step.HasField("failure")):
                return False
        return True


def write_step(outcome: pb.NodeOutcome, step: sandbox_pb.StepResult) -> None:
    """What a step with a small output gave, as the outcome of its node."""
    if step.WhichOneof("kind") == "failure":
        outcome.failed.CopyFrom(step.failure)
    else:
        completed = outcome.completed
        completed.output.json = step.output_json
        if step.routed:
            completed.routed = True
            completed.chosen.extend(step.chosen)
    if step.logs:
        outcome.logs.extend(step.logs)


class QuickStart:
    """Turns tasks into calls."""

    def __init__(self, parts: Parts, groups: ScriptGroups, segments: Segments) -> None:
        self._parts = parts
        self._groups = groups
        self._segments = segments

    def start(self, lease: Lease, scope: RunScope, task: pb.Task, now_us: int) -> bool:
        """Send the call for a quick task; False if something has to be fetched first."""
        program = scope.program
        _, node, item, attempt = lease.key
        if item and not task.item_json:
            return False
        may_continue = scope.group.may_continue and not item
        if may_continue and attempt == 1 and node not in program.fragile:
            group = self._groups.leading(program, node, scope.values)
        else:
            group = self._groups.of(program, (node,))
        wall_ms = 0
        if task.deadline_unix_us:
            wall_ms = max(1, (task.deadline_unix_us - now_us) // 1000)
        try:
            call, size = group.call(scope, attempt, task.item_json, wall_ms)
        except NotOpened:
            return False
        quick = QuickCall(self._parts, self._segments, lease, scope, group)
        quick.may_continue = may_continue and self._groups.may_follow(program, group)
        quick.started_us = lease.started_us = now_us
        lease.stop = quick.stop
        quick.call_id = self._parts.sandbox.submit(call, group.scripts, quick.done, None, size)
        return True
