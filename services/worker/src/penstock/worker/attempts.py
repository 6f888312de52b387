"""One attempt of one node, whatever its type: condition, list, configuration, runner, outcome."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.common.logging import get_logger
from penstock.nodes.api import Done, LogLevel, NodeCall, NodeFailure, NodeResult, StartWorkflow
from penstock.worker.calls import CallLost
from penstock.worker.edited import with_input
from penstock.worker.evaluate import Evaluator
from penstock.worker.fan_out import expand
from penstock.worker.host_functions import CallHost
from penstock.worker.lines import Lines
from penstock.worker.needs import Needs
from penstock.worker.outcomes import (
    add_step_logs,
    set_completed,
    set_failed,
    set_start_child,
    set_waiting,
)
from penstock.worker.parts import Parts
from penstock.worker.program import NodeProgram
from penstock.worker.scope import NULL, AttemptScope, RunScope, is_completed, plain
from penstock.worker.scripts import ScriptGroups, failure_of, too_large
from penstock.workflow.execution.join import join_object

log = get_logger("attempts")

_TOO_DEEP = "A value is nested too deeply to be carried; make it flatter."


class Order(msgspec.Struct, frozen=True):
    """Which attempt to run. `deadline_us` is an instant, 0 for none; `input` is what somebody gave
    the node in place of its parents' outputs."""

    node: int
    item: int = 0
    attempt: int = 1
    item_json: bytes = b""
    items: payload_pb.Payload | None = None
    deadline_us: int = 0
    effect_may_have_happened: bool = False
    input: payload_pb.Payload | None = None


def order_of(task: pb.Task) -> Order:
    """The order that a dispatched task is."""
    ref = task.ref
    items = task.items if ref.item and task.HasField("items") else None
    return Order(
        ref.node,
        ref.item,
        ref.attempt,
        task.item_json or (NULL if ref.item and items is None else b""),
        items,
        task.deadline_unix_us,
        task.effect_may_have_happened,
        task.input if task.HasField("input") else None,
    )


class Attempts:
    """Runs attempts."""

    def __init__(self, parts: Parts, groups: ScriptGroups) -> None:
        self._parts = parts
        self._groups = groups

    async def run(self, scope: RunScope, order: Order) -> pb.NodeOutcome:
        """The attempt's outcome. Every fault becomes one; only cancellation is raised."""
        clock = self._parts.clock
        outcome = pb.NodeOutcome()
        ref = outcome.ref
        ref.node, ref.item, ref.attempt = order.node, order.item, order.attempt
        outcome.started_unix_us = clock.now_us()
        try:
            await self._run_in_time(scope, order, outcome)
        except NodeFailure as failure:
            set_failed(outcome, failure)
        except CallLost:
            outcome.lost.cause = "the sandbox went away after the code had acted outside"
        except RecursionError:
            set_failed(outcome, NodeFailure("user", "OUTPUT_NOT_JSON", _TOO_DEEP))
        except Exception as error:
            program = scope.program.nodes[order.node]
            log.exception(
                "attempt_broke",
                execution=scope.execution_id,
                node=program.node.id,
                error=str(error),
            )
            text = f"{program.node.uses} met a fault: {type(error).__name__}: {error}"
            set_failed(outcome, NodeFailure("system", "INTERNAL", text))
        outcome.finished_unix_us = max(clock.now_us(), outcome.started_unix_us)
        return outcome

    async def _run_in_time(self, scope: RunScope, order: Order, outcome: pb.NodeOutcome) -> None:
        program = scope.program.nodes[order.node]
        if order.items is not None:
            item = await self._parts.payloads.element(order.items, order.item - 1, scope.tenant)
            order = msgspec.structs.replace(order, item_json=item, items=None)
        if order.input is not None:
            scope = await with_input(scope, program.node, order.input)
        await scope.open(_all_needs(program, order))
        limit_s = program.node.timeout_s
        if order.deadline_us:
            left_s = (order.deadline_us - self._parts.clock.now_us()) / 1e6
            limit_s = min(limit_s, left_s)
            if limit_s <= 0:
                raise NodeFailure("transient", "NODE_TIMEOUT", "the node's deadline has passed")
        attempt = _Attempt(self._parts, self._groups, scope, order, limit_s)
        try:
            async with asyncio.timeout(limit_s) as timer:
                finish = await attempt.run(outcome)
        except TimeoutError:
            if not timer.expired():
                raise
            raise NodeFailure(
                "transient", "NODE_TIMEOUT", f"the attempt did not end within {limit_s:g} s"
            ) from None
        finally:
            outcome.logs.extend(attempt.lines.kept)
        if finish is not None:
            await self._store(scope, outcome, finish)

    async def _store(self, scope: RunScope, outcome: pb.NodeOutcome, end: NodeResult) -> None:
        """Write the end of the attempt; a large output goes to the payload store first."""
        text = _encoded(end.params if isinstance(end, StartWorkflow) else end.output)
        if len(text) > self._parts.output_bytes_max:
            raise too_large(len(text), self._parts.output_bytes_max)
        if isinstance(end, Done) and end.chosen is not None:
            refusal = scope.program.nodes[outcome.ref.node].refuse_choice(end.chosen)
            if refusal is not None:
                raise refusal
        output = await self._parts.payloads.put(text, scope.tenant)
        if isinstance(end, StartWorkflow):
            set_start_child(outcome, output, end)
            return
        if isinstance(end, Done):
            set_completed(outcome, output, end.chosen)
            return
        waiting = outcome.waiting
        set_waiting(waiting, end)
        waiting.output.CopyFrom(output)
        if end.ask is not None:
            data = await self._parts.payloads.put(_encoded(end.ask.data), scope.tenant)
            waiting.task.data.CopyFrom(data)


def _all_needs(program: NodeProgram, order: Order) -> Needs:
    if order.item == 0 and program.for_each is not None:
        needs = program.for_each.needs
    else:
        needs = program.config.needs | program.script_needs
    return needs | program.when.needs if program.when is not None else needs


def _encoded(output: Any) -> bytes:
    if isinstance(output, msgspec.Raw):
        return bytes(output)
    return msgspec.json.encode(output, enc_hook=plain)


class _Attempt:
    """The state of one attempt while it runs. Is the `Inputs` of its runner."""

    def __init__(
        self,
        parts: Parts,
        groups: ScriptGroups,
        scope: RunScope,
        order: Order,
        limit_s: float,
    ) -> None:
        self._parts = parts
        self._groups = groups
        self._scope = scope
        self._order = order
        self._program = program = scope.program.nodes[order.node]
        self._limit_s = limit_s
        self.lines = Lines()
        self._evaluator = Evaluator(
            AttemptScope(scope, program, order.attempt, order.item_json),
            parts.sandbox,
            max(1, round(limit_s * 1000)),
            program.node.limits.memory_mb,
        )

    async def run(self, outcome: pb.NodeOutcome) -> NodeResult | None:
        """What the attempt gives; None if the outcome is written already."""
        program, order = self._program, self._order
        first = order.item == 0
        if first and program.when and not await self._evaluator.condition(program.when):
            outcome.condition_false.SetInParent()
            return None
        if first and program.for_each is not None:
            items = await self._evaluator.json(program.node.for_each)
            fanned = await expand(items, program.node.batch, self._parts.payloads, self._scope)
            outcome.fanned_out.CopyFrom(fanned)
            return None
        if program.script is not None:
            return await self._run_script(outcome)
        config = await self._evaluator.parsed_value(program.config)
        try:
            runner = program.runner()
        except (ImportError, AttributeError) as error:
            text = f"{program.node.uses} cannot run here: {error}"
            raise NodeFailure("system", "NODE_TYPE_MISSING", text) from error
        return await runner(self._call(config))

    async def _run_script(self, outcome: pb.NodeOutcome) -> Done:
        program, order, parts = self._program, self._order, self._parts
        host = None
        if program.host_functions:
            host = CallHost(
                self._idempotency_key(),
                program.host_functions,
                program.node.egress,
                parts.resources,
                parts.environment,
                may_repeat=program.node.effects != "once",
            )
        group = self._groups.alone(program)
        wall_ms = max(1, round(self._limit_s * 1000))
        call, size = group.call(self._scope, order.attempt, order.item_json, wall_ms)
        result = await parts.sandbox.call(call, group.scripts, host, size)
        failure = failure_of(result, 0)
        if result.steps:
            add_step_logs(outcome, result.steps[0])
        if failure is not None:
            raise failure
        step = result.steps[0]
        if step.HasField("vars"):
            outcome.vars.CopyFrom(step.vars)
        return Done(msgspec.Raw(step.output_json), tuple(step.chosen) if step.routed else None)

    def _idempotency_key(self) -> str:
        return f"{self._scope.execution_id}/{self._program.node.id}/{self._order.item}"

    def _call(self, config: Any) -> NodeCall:
        node, order, parts = self._program.node, self._order, self._parts
        return NodeCall(
            config=config,
            inputs=self,
            expressions=self._evaluator,
            resources=parts.resources,
            environment=parts.environment,
            execution_id=self._scope.execution_id,
            node_id=node.id,
            item=order.item,
            attempt=order.attempt,
            tenant=self._scope.tenant,
            idempotency_key=self._idempotency_key(),
            effects=node.effects,
            effect_may_have_happened=order.effect_may_have_happened,
            time_left_s=self._limit_s,
            now_unix_us=parts.clock.now_us(),
            traceparent=self._scope.group.traceparent,
            egress=node.egress,
            collects=node.collects,
            log=self._log,
        )

    def _log(self, level: LogLevel, message: str) -> None:
        self.lines.add(self._parts.clock.now_us(), level, message)

    @property
    def parents(self) -> Sequence[str]:
        """Ids of the parents that completed, in the order of `needs`."""
        plan_nodes, values = self._scope.program.plan.nodes, self._scope.values
        return [
            plan_nodes[parent].id
            for parent in dict.fromkeys(self._program.node.parents)
            if parent in values and is_completed(values[parent])
        ]

    async def output_json(self, node_id: str) -> bytes:
        """Output of an ancestor as JSON text; `null` if it has none or is not at hand."""
        node = self._scope.program.index_of.get(node_id)
        if node is None:
            return NULL
        await self._scope.open(Needs(frozenset({node})))
        return self._scope.seen_json(node) or NULL

    async def payload_json(self) -> bytes:
        """Output of the only parent, the trigger's data, or an object of the parents by id."""
        parents = self._program.node.parents
        if not parents:
            await self._scope.open(Needs(trigger=True))
            return self._scope.bytes_of(self._scope.group.trigger)
        ids = [self._scope.program.plan.nodes[parent].id for parent in parents]
        if len(ids) == 1:
            return await self.output_json(ids[0])
        return join_object(ids, [await self.output_json(one) for one in ids])
