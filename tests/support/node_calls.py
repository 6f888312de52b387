"""Calls of node types for unit tests: plain values for parents, expressions evaluated natively."""

from contextlib import AsyncExitStack
from typing import Any

import msgspec

from penstock.nodes.api import Environment, NodeCall
from penstock.workflow.expressions import UNDEFINED, evaluate_native, parse_value
from penstock.workflow.expressions.javascript_values import is_truthy


class PlainInputs:
    """Outputs of completed parents by id, as `Inputs`."""

    def __init__(self, outputs: dict[str, Any], trigger: Any) -> None:
        self.outputs = outputs
        self.trigger = trigger

    @property
    def parents(self) -> list[str]:
        return list(self.outputs)

    async def output_json(self, node_id: str) -> bytes:
        return msgspec.json.encode(self.outputs.get(node_id))

    async def payload_json(self) -> bytes:
        if not self.outputs:
            return msgspec.json.encode(self.trigger)
        only = len(self.outputs) == 1
        return msgspec.json.encode(next(iter(self.outputs.values())) if only else self.outputs)


class NativeExpressions:
    """Evaluates what needs no sandbox, as `Expressions`."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def _render(self, template: Any, names: dict[str, Any]) -> Any:
        parsed = parse_value(template)
        return parsed.render([evaluate_native(one, names) for one in parsed.expressions])

    async def value(self, template: Any) -> Any:
        return self._render(template, self.names)

    async def json(self, template: Any) -> bytes:
        value = self._render(template, self.names)
        return b"null" if value is UNDEFINED else msgspec.json.encode(value)

    async def each(self, template: Any, items_json: bytes) -> bytes:
        items = msgspec.json.decode(items_json)
        return msgspec.json.encode(
            [
                self._render(template, {**self.names, "item": item, "index": index})
                for index, item in enumerate(items)
            ]
        )

    async def matches(self, conditions: list[Any], *, first_only: bool) -> list[int]:
        found = [
            place
            for place, condition in enumerate(conditions)
            if is_truthy(self._render(condition, self.names))
        ]
        return found[:1] if first_only else found


class OpenedResources:
    """Opens resources once, as `Resources`."""

    def __init__(self, environment: Environment, stack: AsyncExitStack) -> None:
        self.environment = environment
        self.stack = stack
        self.open: dict[Any, Any] = {}

    async def get(self, opener: Any) -> Any:
        if opener not in self.open:
            self.open[opener] = await self.stack.enter_async_context(opener(self.environment))
        return self.open[opener]


def make_call(
    config: dict[str, Any],
    outputs: dict[str, Any] | None = None,
    *,
    trigger: Any = None,
    resources: Any = None,
    environment: Environment | None = None,
    **more: Any,
) -> NodeCall:
    """A call whose parents gave `outputs`."""
    outputs = outputs or {}
    names: dict[str, Any] = {
        "nodes": {name: {"output": value} for name, value in outputs.items()},
        "input": outputs,
        "params": {"limit": 3},
    }
    return NodeCall(
        config=config,
        inputs=PlainInputs(outputs, trigger),
        expressions=NativeExpressions(names),
        resources=resources,
        environment=environment or Environment(),
        execution_id="01JTEST",
        node_id="node",
        idempotency_key=more.pop("idempotency_key", "01JTEST/node/0"),
        **more,
    )


def plain(value: Any) -> Any:
    """An output as plain values."""
    return msgspec.json.decode(msgspec.json.encode(value))
