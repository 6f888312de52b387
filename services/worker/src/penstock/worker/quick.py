"""The hot path: pure JavaScript attempts without a task each.

A dispatched batch becomes calls at once; each completes by a callback on its result, which makes
the report. Calls that are alike go as rows of one form: what they read is at hand inline, as with
nearly all of them. Whatever is out of the ordinary (stored inputs, large outputs, choices, failures
in the middle of a group, children that follow) is left to `Segments`.
"""

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.worker.attempts import Order
from penstock.worker.calls import RowCall, RowForm, SingleCall, result_of
from penstock.worker.leases import Lease, Row, Session
from penstock.worker.outcomes import REPORT_BYTES_MAX, add_step_logs
from penstock.worker.parts import Parts
from penstock.worker.program import PlanProgram
from penstock.worker.scope import NotOpened, RunScope, inline_json, run_json
from penstock.worker.scripts import ScriptGroup, ScriptGroups
from penstock.worker.segment import SLOW_US
from penstock.worker.segments import Segments
from penstock.workflow.execution.values import INLINE_BYTES_MAX

_STARTS_MAX = 2000
"""Starts remembered per plan beside one for each node."""

_REPORT_BYTES = 96


class _Start(msgspec.Struct, frozen=True):
    """How first attempts of a node begin: with which group, where in the outputs at hand those are
    that it reads, whether it reads anything else, whether a child could follow."""

    group: ScriptGroup
    places: tuple[int, ...]
    reads_others: bool
    may_continue: bool


class QuickStart:
    """Turns tasks into calls."""

    def __init__(self, parts: Parts, groups: ScriptGroups, segments: Segments) -> None:
        self.parts = parts
        self.segments = segments
        self._groups = groups

    def begin_rows(
        self, session: Session, group: pb.ExecutionTasks, program: PlanProgram, now_us: int
    ) -> list[tuple[Lease, Order]]:
        """Send the calls for the first attempts of a group whose inputs are all in the short form;
        those that need more are given back."""
        execution_id = group.execution_id
        held = tuple(group.completed[:])
        texts = group.completed_json[:]
        may_continue = group.may_continue
        left: list[tuple[Lease, Order]] = []
        for node in group.first_attempts[:]:
            lease = session.take((execution_id, node, 0, 1))
            if lease is None:
                continue
            key = (node, may_continue, held)
            try:
                start = program.starts[key]
            except KeyError:
                start = self._new_start(program, *key)
            if start is None:
                left.append((lease, Order(node)))
                continue
            values = [texts[place] for place in start.places]
            if start.reads_others and not _add_others(values, group, start.group, 1):
                left.append((lease, Order(node)))
                continue
            script_group = start.group
            size = script_group.size + sum(map(len, values))
            call = QuickRow(script_group.rows, group.tenant, group.traceparent, values, size)
            call.quick, call.lease, call.group = self, lease, script_group
            call.tasks, call.program = group, program
            call.may_continue = start.may_continue
            self._submit(call, lease, now_us)
        return left

    def _new_start(
        self, program: PlanProgram, node: int, may_continue: bool, held: tuple[int, ...]
    ) -> _Start | None:
        """How such an attempt begins, remembered; None if there is more to it than a row."""
        start = None
        if node < len(program.nodes) and program.nodes[node].is_quick(0):
            place_of = {one: place for place, one in enumerate(held)}
            group = self._group(program, node, place_of if may_continue else None)
            reads = group.rows.reads
            if all(one in place_of for one in reads):
                follows = may_continue and self._groups.may_follow(program, group)
                needs = group.needs
                others = needs.params or needs.run or needs.trigger
                start = _Start(group, tuple([place_of[one] for one in reads]), others, follows)
        if len(program.starts) < _STARTS_MAX + len(program.nodes):
            program.starts[node, may_continue, held] = start
        return start

    def _group(self, program: PlanProgram, node: int, held: dict[int, int] | None) -> ScriptGroup:
        """The group of a node that may go on with `held` at hand, or may not go on."""
        if held is not None and node not in program.fragile:
            return self._groups.leading(program, node, held)
        return self._groups.alone(program.nodes[node])

    def _submit(self, call: "QuickRow | QuickSingle", lease: Lease, now_us: int) -> None:
        call.started_us = lease.started_us = now_us
        lease.stop = call.stop
        self.parts.sandbox.submit(call)

    def start(self, lease: Lease, scope: RunScope, order: Order, now_us: int) -> bool:
        """Send the call for a quick task of any form; False if something has to be fetched
        first."""
        program = scope.program
        node, item, attempt = order.node, order.item, order.attempt
        may_continue = scope.group.may_continue and not item
        item_json = b""
        if item:
            value: bytes | None = order.item_json
            if order.items is not None:
                value = self.parts.payloads.peek_element(order.items, item - 1)
            if not value:
                return False
            item_json = value
        may_lead = may_continue and attempt == 1
        held = dict.fromkeys(scope.values, 0) if may_lead else None
        group = self._group(program, node, held)
        call: QuickRow | QuickSingle | None = None
        if not order.deadline_us:
            call = _row_call(group, scope, order, item_json)
        if call is None:
            try:
                call = _single_call(group, scope, order, item_json, now_us)
            except NotOpened:
                return False
        call.quick, call.lease, call.group = self, lease, group
        call.may_continue = may_continue and self._groups.may_follow(program, group)
        self._submit(call, lease, now_us)
        return True


def _add_others(
    values: list[bytes], group: pb.ExecutionTasks, script_group: ScriptGroup, attempt: int
) -> bool:
    """Add what calls read besides outputs; False if something has to be fetched first."""
    needs = script_group.needs
    if needs.params:
        params = inline_json(group.params)
        if params is None:
            return False
        values.append(params)
    trigger = inline_json(group.trigger) if needs.trigger or needs.run_trigger else None
    if needs.run:
        if needs.run_trigger and trigger is None:
            return False
        values.append(run_json(group, attempt, trigger if needs.run_trigger else None))
    if needs.trigger:
        if trigger is None:
            return False
        values.append(trigger)
    return True


def _row_call(
    group: ScriptGroup, scope: RunScope, order: Order, item_json: bytes
) -> "QuickRow | None":
    """The call as a row; None if it does not fit into one."""
    form: RowForm = group.item_rows if item_json else group.rows
    found = [scope.inline_output(one) for one in form.reads]
    values = [one for one in found if one is not None]
    if len(values) < len(found) or not _add_others(values, scope.group, group, order.attempt):
        return None
    if item_json:
        values.append(item_json)
    size = group.size + sum(map(len, values))
    call = QuickRow(form, scope.group.tenant, scope.group.traceparent, values, size)
    call.tasks, call.program = scope.group, scope.program
    return call


def _single_call(
    group: ScriptGroup, scope: RunScope, order: Order, item_json: bytes, now_us: int
) -> "QuickSingle":
    """The call with all that a call can have. Raises NotOpened."""
    wall_ms = 0
    if order.deadline_us:
        wall_ms = max(1, (order.deadline_us - now_us) // 1000)
    made, size = group.call(scope, order.attempt, item_json, wall_ms)
    call = QuickSingle(made, group.scripts, size, None)
    call.scope = scope
    return call


class QuickRow(RowCall):
    """A call under way, one of many alike, that reports when its result comes.

    Attributes are set by `QuickStart`: one object and one call per attempt is what the hot path can
    afford.
    """

    __slots__ = ("group", "lease", "may_continue", "program", "quick", "started_us", "tasks")

    group: ScriptGroup
    lease: Lease
    may_continue: bool
    program: PlanProgram
    quick: QuickStart
    started_us: int
    tasks: pb.ExecutionTasks

    @property
    def scope(self) -> RunScope:
        """What it can read."""
        parts = self.quick.parts
        return RunScope(self.tasks, self.program, parts.payloads, parts.env_json)

    def stop(self) -> None:
        """Abandon the call."""
        self.quick.parts.sandbox.cancel(self.call_id)
        self.lease.session.on_stopped(self.lease)

    def done(self, result: sandbox_pb.CallResult | None) -> None:
        """The result is there."""
        _finish(self, self.program, result)

    def done_well(self, outputs: list[bytes], durations_us: list[int]) -> None:
        """All steps did well."""
        size = sum(map(len, outputs))
        if (
            self.may_continue
            or self.lease.key[2]
            or (size > INLINE_BYTES_MAX and max(map(len, outputs)) > INLINE_BYTES_MAX)
        ):
            _finish(self, self.program, result_of(outputs, durations_us))
            return
        program = self.program
        if program.rules.wants_all or max(durations_us) >= SLOW_US:
            for node, duration_us in zip(self.group.nodes, durations_us, strict=True):
                program.observe(node, duration_us)
        lease = self.lease
        row = Row(self.group.row_template, outputs, durations_us, self.started_us, lease.key[3])
        lease.session.tell(lease, row, size + _REPORT_BYTES)


class QuickSingle(SingleCall):
    """A call under way, not like others, that reports when its result comes."""

    __slots__ = ("group", "lease", "may_continue", "quick", "scope", "started_us")

    group: ScriptGroup
    lease: Lease
    may_continue: bool
    quick: QuickStart
    scope: RunScope
    started_us: int

    def stop(self) -> None:
        """Abandon the call."""
        self.quick.parts.sandbox.cancel(self.call_id)
        self.lease.session.on_stopped(self.lease)

    def done(self, result: sandbox_pb.CallResult | None) -> None:
        """The result is there."""
        _finish(self, self.scope.program, result)


def _finish(
    call: QuickRow | QuickSingle, program: PlanProgram, result: sandbox_pb.CallResult | None
) -> None:
    """Report what a result says, or leave it to `Segments`."""
    if result is None or not _is_plain(call, result):
        call.quick.segments.take_result(call, result)
        return
    for node, step in zip(call.group.nodes, result.steps, strict=True):
        if step.duration_us >= SLOW_US or program.rules.wants_all:
            program.observe(node, step.duration_us)
    lease, steps = call.lease, result.steps
    if lease.key[2] or not all(step.output_json and not step.logs for step in steps):
        if result.ByteSize() > REPORT_BYTES_MAX:
            call.quick.segments.take_result(call, result)
        else:
            _report_each(call, result)
        return
    outputs = [step.output_json for step in steps]
    durations_us = [step.duration_us for step in steps]
    row = Row(call.group.row_template, outputs, durations_us, call.started_us, lease.key[3])
    lease.session.tell(lease, row, sum(map(len, outputs)) + _REPORT_BYTES)


def _is_plain(call: QuickRow | QuickSingle, result: sandbox_pb.CallResult) -> bool:
    if call.may_continue:
        return False
    steps = result.steps
    if len(steps) != len(call.group.nodes):
        return False
    alone = len(steps) == 1
    for step in steps:
        if len(step.output_json) > INLINE_BYTES_MAX or step.routed:
            return False
        if not alone and step.HasField("failure"):
            return False
    return True


def _report_each(call: QuickRow | QuickSingle, result: sandbox_pb.CallResult) -> None:
    """Outcomes one by one: items, failures, logs."""
    lease = call.lease
    report = pb.SegmentReport.FromString(call.group.report_template)
    _, _, item, attempt = lease.key
    outcomes = report.outcomes
    if item or attempt != 1:
        lease.write_ref(report.lease)
        lease.write_ref(outcomes[0].ref)
    at_us = call.started_us
    for outcome, step in zip(outcomes, result.steps, strict=True):
        outcome.started_unix_us = at_us
        at_us += step.duration_us
        outcome.finished_unix_us = at_us
        write_step(outcome, step)
    lease.session.report(lease, report)


def write_step(outcome: pb.NodeOutcome, step: sandbox_pb.StepResult) -> None:
    """What a step with a small output gave, as the outcome of its node."""
    add_step_logs(outcome, step)
    output_json = step.output_json
    if not output_json and step.HasField("failure"):
        outcome.failed.CopyFrom(step.failure)
    else:
        outcome.completed.output.json = output_json
