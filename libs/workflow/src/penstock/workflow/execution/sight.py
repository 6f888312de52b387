"""What a node sees when it runs, read from the execution's state: its input, payload, parameters,
the outcomes it reads. For conditions of breakpoints and for people who look at a held node.

A value that is stored apart is not at hand here: `NotAtHand` says which.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from penstock.workflow.execution.join import error_output, failure_json
from penstock.workflow.execution.state import StateData
from penstock.workflow.execution.values import NULL, NodeRef, NodeStatus, Payload
from penstock.workflow.plan import Plan


class NotAtHand(Exception):
    """A value that is wanted is stored apart, or is held no more; the text names it."""


def seen_by(state: StateData, node: int) -> dict[str, Payload]:
    """The `input` of a node: what each parent gives it, by id. Edits are not looked at."""
    nodes = state.tables.nodes
    found = {}
    for parent in nodes[node].parents:
        value = seen_of(state, parent)
        if value is not None:
            found[nodes[parent].id] = value
    return found


def seen_of(state: StateData, node: int) -> Payload | None:
    """What a child sees of a node: its output, else `{"error": ...}`; None if there is neither."""
    output = state.outputs.get(node)
    if output is not None:
        return output
    failure = state.failures.get(node)
    return Payload(error_output(failure)) if failure is not None else None


class _Lazy(Mapping[str, Any]):
    """An object whose properties are found when they are asked for, once."""

    def __init__(self, ways: Mapping[str, Callable[[], Any]]) -> None:
        self._ways = ways
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._ways[name]()
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ways

    def __iter__(self) -> Iterator[str]:
        return iter(self._ways)

    def __len__(self) -> int:
        return len(self._ways)


class Sight(Mapping[str, Any]):
    """Outside names of an expression at an attempt. Each value is decoded when it is asked for, and
    once for all expressions that one sight is given to. `output` is there once the attempt has
    ended."""

    def __init__(self, state: StateData, ref: NodeRef, output: Payload | None = None) -> None:
        self._state = state
        self._ref = ref
        self._output = output
        self._known: dict[str, Any] = {}
        self._outputs: dict[int, Any] = {}

    @property
    def plan(self) -> Plan:
        """The plan of the execution that is looked at."""
        return self._state.plan

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        names = ["params", "nodes", "input", "payload", "run", "vars"]
        if self._ref.item:
            names.append(self._state.tables.nodes[self._ref.node].item_name)
        if self._output is not None:
            names.append("output")
        return iter(names)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def _find(self, name: str) -> Any:
        state, node = self._state, self._ref.node
        started = state.started
        match name:
            case "params":
                return _decoded(started.params if started is not None else NULL, "params")
            case "nodes":
                return self._nodes()
            case "input":
                return self._input()
            case "payload":
                return self._payload()
            case "vars":
                variables = state.variables
                return msgspec.json.decode(variables.text()) if variables is not None else {}
            case "run":
                return {"attempt": self._ref.attempt}
            case "output" if self._output is not None:
                return _decoded(self._output, "output")
            case _ if name == state.tables.nodes[node].item_name:
                return self._item()
            case _:
                raise KeyError(name)

    def _payload(self) -> Any:
        """The one parent's output; a start node's is the trigger's data."""
        state = self._state
        parents = state.tables.nodes[self._ref.node].parents
        if not parents:
            return _decoded(state.started.trigger if state.started else NULL, "payload")
        return self._seen(parents[0], "payload")

    def _seen(self, node: int, name: str) -> Any:
        """What a child sees of a node."""
        if node in self._state.outputs:
            return self._output_of(node, name)
        seen = seen_of(self._state, node)
        return _decoded(seen, name) if seen is not None else None

    def _output_of(self, node: int, name: str) -> Any:
        if node not in self._outputs:
            self._outputs[node] = _decoded(self._state.outputs[node], name)
        return self._outputs[node]

    def _input(self) -> _Lazy:
        state, nodes = self._state, self._state.tables.nodes
        parents = [
            parent
            for parent in nodes[self._ref.node].parents
            if parent in state.outputs or parent in state.failures
        ]
        return _Lazy({nodes[at].id: partial(self._seen, at, nodes[at].id) for at in parents})

    def _nodes(self) -> _Lazy:
        tables = self._state.tables
        reads = dict.fromkeys((*tables.nodes[self._ref.node].parents,
                               *tables.reads[self._ref.node]))  # fmt: skip
        return _Lazy({tables.nodes[read].id: partial(self._outcome, read) for read in reads})

    def _outcome(self, read: int) -> _Lazy:
        state, name = self._state, self._state.tables.nodes[read].id
        ways: dict[str, Callable[[], Any]] = {"status": lambda: NodeStatus(state.status[read]).name}
        failure = state.failures.get(read)
        if read in state.outputs:
            ways["output"] = partial(self._output_of, read, f"nodes.{name}.output")
        if failure is not None:
            ways["error"] = lambda: msgspec.json.decode(failure_json(failure))
        return _Lazy(ways)

    def _item(self) -> Any:
        items = self._state.fan_outs.get(self._ref.node)
        if items is None or not items.inputs:
            raise NotAtHand("the item is stored apart")
        value = items.inputs[self._ref.item - 1]
        if value is None:
            raise NotAtHand("the item has ended")
        return msgspec.json.decode(value)


def _decoded(value: Payload, name: str) -> Any:
    if value.digest:
        raise NotAtHand(f"{name} is large and stored apart")
    return msgspec.json.decode(value.json)
