"""The hot path: pure JavaScript attempts without a task each.

A dispatched batch becomes calls at once; each completes by a callback on its result, which makes
the report. Whatever is out of the ordinary (stored inputs, large outputs, choices, failures in the
middle of a group, children that follow) is left to `Segments`.
"""

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.worker.attempts import Order
from penstock.worker.leases import Lease
from penstock.worker.parts import Parts
from penstock.worker.sandbox import PendingCall
from penstock.worker.scope import NotOpened, RunScope
from penstock.worker.scripts import ScriptGroup, ScriptGroups
from penstock.worker.segment import SLOW_US
from penstock.worker.segments import Segments
from penstock.workflow.execution.values import INLINE_BYTES_MAX


class QuickCall(PendingCall):
    """A call under way that reports when its result comes.

    Attributes are set by `QuickStart`: one object and one call per attempt is what the hot path can
    afford.
    """

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

    call_id: int
    group: ScriptGroup
    lease: Lease
    may_continue: bool
    parts: Parts
    scope: RunScope
    segments: Segments
    started_us: int

    def stop(self) -> None:
        """Abandon the call."""
        self.parts.sandbox.cancel(self.call_id)

    def done(self, result: sandbox_pb.CallResult | None) -> None:
        """The result is there."""
        if result is None or not self._is_plain(result):
            self.segments.take_result(self, result)
            return
        steps = result.steps
        program = self.scope.program
        for node, step in zip(self.group.nodes, steps, strict=True):
            duration_us = step.duration_us
            if duration_us >= SLOW_US or program.rules.slow:
                program.observe(node, duration_us)
        if self.lease.key[2] or not all(map(_is_row, steps)):
            self._report_each(result)
        else:
            self._report_row(result)

    def _report_row(self, result: sandbox_pb.CallResult) -> None:
        """All went well: as columns."""
        report = pb.SegmentReport()
        row = report.completed
        outputs = [step.output_json for step in result.steps]
        row.nodes.extend(self.group.nodes)
        row.outputs_json.extend(outputs)
        row.durations_us.extend([step.duration_us for step in result.steps])
        row.started_unix_us = self.started_us
        lease = self.lease
        row.attempt = lease.key[3]
        lease.session.report(lease, report, 96 + sum(map(len, outputs)))

    def _report_each(self, result: sandbox_pb.CallResult) -> None:
        """One by one: items, failures, logs."""
        lease = self.lease
        report = pb.SegmentReport.FromString(self.group.report_template)
        _, _, item, attempt = lease.key
        outcomes = report.outcomes
        if item or attempt != 1:
            lease.write_ref(report.lease)
            lease.write_ref(outcomes[0].ref)
        at_us, size = self.started_us, 64
        for outcome, step in zip(outcomes, result.steps, strict=True):
            outcome.started_unix_us = at_us
            at_us += step.duration_us
            outcome.finished_unix_us = at_us
            size += write_step(outcome, step)
        lease.session.report(lease, report, size)

    def _is_plain(self, result: sandbox_pb.CallResult) -> bool:
        if self.may_continue:
            return False
        steps = result.steps
        if len(steps) != len(self.group.nodes):
            return False
        alone = len(steps) == 1
        for step in steps:
            if len(step.output_json) > INLINE_BYTES_MAX or step.routed:
                return False
            if not alone and step.HasField("failure"):
                return False
        return True


def _is_row(step: sandbox_pb.StepResult) -> bool:
    """True if a step with a small output can be told in a row."""
    return not step.logs and step.HasField("output_json")


def write_step(outcome: pb.NodeOutcome, step: sandbox_pb.StepResult) -> int:
    """What a step with a small output gave, as the outcome of its node; about its bytes."""
    if step.logs:
        outcome.logs.extend(step.logs)
    output_json = step.output_json
    if not output_json and step.HasField("failure"):
        outcome.failed.CopyFrom(step.failure)
        return 512
    outcome.completed.output.json = output_json
    return len(output_json) + 96


class QuickStart:
    """Turns tasks into calls."""

    def __init__(self, parts: Parts, groups: ScriptGroups, segments: Segments) -> None:
        self._parts = parts
        self._groups = groups
        self._segments = segments

    def start(self, lease: Lease, scope: RunScope, order: Order, now_us: int) -> bool:
        """Send the call for a quick task; False if something has to be fetched first."""
        program = scope.program
        node, item, attempt = order.node, order.item, order.attempt
        item_json = b""
        may_continue = scope.group.may_continue
        if item:
            may_continue = False
            value: bytes | None = order.item_json
            if order.items is not None:
                value = self._parts.payloads.peek_element(order.items, item - 1)
            if not value:
                return False
            item_json = value
        if may_continue and attempt == 1 and node not in program.fragile:
            group = self._groups.leading(program, node, scope.values)
        else:
            group = self._groups.alone(program.nodes[node])
        wall_ms = 0
        if order.deadline_us:
            wall_ms = max(1, (order.deadline_us - now_us) // 1000)
        try:
            call, size = group.call(scope, attempt, item_json, wall_ms)
        except NotOpened:
            return False
        quick = QuickCall(call, group.scripts, size, None)
        quick.parts, quick.segments = self._parts, self._segments
        quick.lease, quick.scope, quick.group = lease, scope, group
        quick.may_continue = may_continue and self._groups.may_follow(program, group)
        quick.started_us = lease.started_us = now_us
        lease.stop = quick.stop
        quick.call_id = self._parts.sandbox.submit(quick)
        return True
