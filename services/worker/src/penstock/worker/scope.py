"""What the attempts of one execution can read: parameters, trigger, outcomes of earlier nodes.

One scope serves all tasks of a dispatched group; a segment adds its own outcomes. Bytes stay
bytes until an expression or a runner reads them, and then are parsed once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch_pb
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.common.value_codec import failure_from_proto
from penstock.worker.needs import Needs
from penstock.worker.payloads import Payloads
from penstock.worker.program import NodeProgram, PlanProgram
from penstock.workflow.execution.join import error_output, failure_json, join_object
from penstock.workflow.execution.values import NodeStatus
from penstock.workflow.expressions import UNDEFINED

_NAMES = {int(status): status.name for status in NodeStatus}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NULL = b"null"
_NO_VARS = b"{}"
_COMPLETED = NodeStatus.COMPLETED.name

Held = dispatch_pb.NodeValue | bytes
"""An outcome at hand: bytes are the output of a node that completed, inline."""


class NotOpened(Exception):
    """A stored payload has to be fetched first."""


class RunScope:
    """Values of one execution, as far as this worker was given them."""

    __slots__ = (
        "_opened",
        "_parsed",
        "env_json",
        "group",
        "payloads",
        "program",
        "values",
    )

    def __init__(
        self,
        group: dispatch_pb.ExecutionTasks,
        program: PlanProgram,
        payloads: Payloads,
        env_json: bytes,
    ) -> None:
        self.group = group
        self.program = program
        self.payloads = payloads
        self.env_json = env_json
        inputs, completed = group.inputs, group.completed
        values: dict[int, Held] = {one.node: one for one in inputs} if inputs else {}
        if completed:
            values.update(zip(completed, group.completed_json, strict=True))
        self.values = values
        self._opened: dict[str, bytes] | None = None
        self._parsed: dict[str, Any] | None = None

    @property
    def execution_id(self) -> str:
        """The execution."""
        return self.group.execution_id

    @property
    def tenant(self) -> str:
        """Its account."""
        return self.group.tenant

    @property
    def vars_json(self) -> bytes:
        """Its variables, a JSON object."""
        return self.group.vars_json or _NO_VARS

    def branch(self) -> "RunScope":
        """A scope that begins with the same values, for a segment to add its own to."""
        twin = RunScope.__new__(RunScope)
        twin.group, twin.program, twin.payloads = self.group, self.program, self.payloads
        twin.env_json = self.env_json
        twin.values = dict(self.values)
        twin._opened = dict(self._opened) if self._opened else None
        twin._parsed = dict(self._parsed) if self._parsed else None
        return twin

    def add_output(self, node: int, output: payload_pb.Payload) -> None:
        """A node of the segment completed."""
        if output.WhichOneof("kind") == "json":
            self.values[node] = output.json
            return
        self.values[node] = dispatch_pb.NodeValue(
            node=node, status=journal_pb.NODE_STATUS_COMPLETED, output=output
        )

    def bytes_of(self, payload: payload_pb.Payload) -> bytes:
        """The JSON text of a payload; `null` for an unset one. Raises NotOpened."""
        kind = payload.WhichOneof("kind")
        if kind == "json":
            return payload.json
        if kind is None:
            return NULL
        digest = payload.ref.digest
        opened = self._opened_so_far()
        found = opened.get(digest)
        if found is None:
            found = self.payloads.peek(digest)
            if found is None:
                raise NotOpened
            opened[digest] = found
        return found

    def _opened_so_far(self) -> dict[str, bytes]:
        if self._opened is None:
            self._opened = {}
        return self._opened

    async def open(self, needs: Needs) -> None:
        """Fetch every stored payload that `needs` names."""
        held = [self.values[node] for node in needs.nodes if node in self.values]
        wanted = [one.output for one in held if not isinstance(one, bytes)]
        if needs.params:
            wanted.append(self.group.params)
        if needs.trigger or needs.run_trigger:
            wanted.append(self.group.trigger)
        for payload in wanted:
            if payload.WhichOneof("kind") != "ref":
                continue
            opened = self._opened_so_far()
            if payload.ref.digest not in opened:
                opened[payload.ref.digest] = await self.payloads.get(payload.ref, self.tenant)

    def has(self, node: int) -> bool:
        """True if the outcome of this node is at hand."""
        return node in self.values

    def seen_json(self, node: int) -> bytes | None:
        """What a child sees of a node: its output, else `{"error": ...}`; None if there is neither.

        Raises NotOpened.
        """
        value = self.values.get(node)
        if value is None or isinstance(value, bytes):
            return value
        if value.HasField("output"):
            return self.bytes_of(value.output)
        if value.HasField("failure"):
            return error_output(failure_from_proto(value.failure))
        return None

    def sandbox_values(self, nodes: Iterable[int]) -> list[sandbox_pb.Value]:
        """Outcomes in the sandbox's form. Raises NotOpened."""
        plan_nodes = self.program.plan.nodes
        found: list[sandbox_pb.Value] = []
        for node in nodes:
            value = self.values.get(node)
            if value is None:
                continue
            node_id = plan_nodes[node].id
            if isinstance(value, bytes):
                made = sandbox_pb.Value(node_id=node_id, status=_COMPLETED, output_json=value)
                found.append(made)
                continue
            out = sandbox_pb.Value(node_id=node_id, status=_NAMES[value.status])
            if value.HasField("output"):
                out.output_json = self.bytes_of(value.output)
            if value.HasField("failure"):
                out.error_json = failure_json(failure_from_proto(value.failure))
            found.append(out)
        return found

    def run_json(self, attempt: int, *, with_trigger: bool) -> bytes:
        """The `run` object. Raises NotOpened."""
        trigger = self.bytes_of(self.group.trigger) if with_trigger else None
        return run_json(self.group, attempt, trigger)

    def inline_output(self, node: int) -> bytes | None:
        """The output of a node that completed, if it is at hand inline."""
        value = self.values.get(node)
        if value is None or isinstance(value, bytes):
            return value
        if value.status != journal_pb.NODE_STATUS_COMPLETED or not value.HasField("output"):
            return None
        return inline_json(value.output)

    def fill_call(self, call: sandbox_pb.Call, needs: Needs, attempt: int) -> int:
        """Put what `needs` names into a call; about how many bytes that is. Raises NotOpened."""
        call.tenant = self.group.tenant
        if self.group.traceparent:
            call.traceparent = self.group.traceparent
        size = 0
        if needs.nodes:
            values = self.sandbox_values(needs.nodes)
            call.values.extend(values)
            size = sum(len(value.output_json) for value in values)
        if needs.params:
            params = self.bytes_of(self.group.params)
            call.params_json = params
            size += len(params)
        if needs.trigger:
            call.trigger_json = self.bytes_of(self.group.trigger)
            size += len(call.trigger_json)
        if needs.run:
            call.run_json = self.run_json(attempt, with_trigger=needs.run_trigger)
        if needs.vars:
            call.vars_json = self.vars_json
            size += len(call.vars_json)
        if needs.env:
            call.env_json = self.env_json
        return size

    def parsed(self, name: str, text: bytes) -> Any:
        """The value of `text`, parsed once under `name`."""
        if self._parsed is None:
            self._parsed = {}
        if name not in self._parsed:
            self._parsed[name] = msgspec.json.decode(text)
        return self._parsed[name]


def run_json(group: dispatch_pb.ExecutionTasks, attempt: int, trigger: bytes | None) -> bytes:
    """The `run` object, with the trigger's data if they are given."""
    started = _EPOCH + timedelta(microseconds=group.started_unix_us)
    shown = started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    keys = ["id", "attempt", "started_at"]
    parts = [
        msgspec.json.encode(group.execution_id),
        str(attempt).encode(),
        msgspec.json.encode(shown),
    ]
    if trigger is not None:
        keys.append("trigger")
        parts.append(trigger)
    return join_object(keys, parts)


def inline_json(payload: payload_pb.Payload) -> bytes | None:
    """The text of a payload, `null` for an unset one; None if it is stored."""
    kind = payload.WhichOneof("kind")
    if kind == "json":
        return payload.json
    return NULL if kind is None else None


class _Lazy(Mapping[str, Any]):
    """A mapping whose values are made when they are looked at."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = dict.fromkeys(keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __getitem__(self, key: str) -> Any:
        raise NotImplementedError


class _Inputs(_Lazy):
    """`input`: what a node sees of its parents."""

    def __init__(self, scope: RunScope, program: NodeProgram) -> None:
        plan_nodes = program.owner.plan.nodes
        self._scope = scope
        self._indexes = {
            plan_nodes[parent].id: parent for parent in program.node.parents if scope.has(parent)
        }
        super().__init__(name for name, parent in self._indexes.items() if _is_seen(scope, parent))

    def __getitem__(self, key: str) -> Any:
        node = self._indexes[key]
        text = self._scope.seen_json(node)
        return self._scope.parsed(f"n{node}", text if text is not None else NULL)


def _is_seen(scope: RunScope, node: int) -> bool:
    value = scope.values[node]
    return isinstance(value, bytes) or value.HasField("output") or value.HasField("failure")


class _Nodes(_Lazy):
    """`nodes`: outcomes by id."""

    def __init__(self, scope: RunScope, program: NodeProgram) -> None:
        self._scope = scope
        self._index_of = program.owner.index_of
        plan_nodes = program.owner.plan.nodes
        super().__init__(plan_nodes[node].id for node in scope.values)

    def __getitem__(self, key: str) -> Any:
        node = self._index_of[key]
        value = self._scope.values[node]
        return _Outcome(self._scope, node, value)


class _Outcome(_Lazy):
    """One of `nodes`: output, error, status."""

    def __init__(self, scope: RunScope, node: int, value: Held) -> None:
        self._scope, self._node = scope, node
        self._status = _COMPLETED if isinstance(value, bytes) else _NAMES[value.status]
        seen = _is_seen(scope, node)
        failed = not isinstance(value, bytes) and value.HasField("failure")
        self._failure = value.failure if failed and not isinstance(value, bytes) else None
        super().__init__(
            (*(("output",) if seen else ()), *(("error",) if failed else ()), "status")
        )

    def __getitem__(self, key: str) -> Any:
        if key == "status":
            return self._status
        if key == "error" and self._failure is not None:
            text = failure_json(failure_from_proto(self._failure))
            return self._scope.parsed(f"e{self._node}", text)
        seen = self._scope.seen_json(self._node) if key == "output" else None
        if seen is None:
            raise KeyError(key)
        return self._scope.parsed(f"n{self._node}", seen)


def plain(value: Any) -> Any:
    """A value without the scope's own lazy mappings, so that anybody can encode it."""
    if isinstance(value, _Lazy):
        return {key: plain(item) for key, item in value.items()}
    return value


class AttemptScope(_Lazy):
    """The outside names as one attempt sees them, for native evaluation."""

    def __init__(
        self, scope: RunScope, program: NodeProgram, attempt: int, item_json: bytes
    ) -> None:
        self.run = scope
        self.program = program
        self.attempt = attempt
        self.item_json = item_json
        self._item: Any = None
        names = ["params", "nodes", "input", "payload", "run", "env", "vars"]
        if item_json:
            names.append(program.node.item_name)
        super().__init__(names)

    def __getitem__(self, key: str) -> Any:
        scope = self.run
        match key:
            case "params":
                return scope.parsed("params", scope.bytes_of(scope.group.params))
            case "nodes":
                return _Nodes(scope, self.program)
            case "input":
                return _Inputs(scope, self.program)
            case "payload":
                return self._payload()
            case "run":
                return scope.parsed(f"run{self.attempt}", self._run_json())
            case "env":
                return scope.parsed("env", scope.env_json)
            case "vars":
                return scope.parsed("vars", scope.vars_json)
            case _:
                if self._item is None:
                    self._item = (msgspec.json.decode(self.item_json),)
                return self._item[0]

    def _run_json(self) -> bytes:
        try:
            return self.run.run_json(self.attempt, with_trigger=True)
        except NotOpened:  # then nothing here reads run.trigger
            return self.run.run_json(self.attempt, with_trigger=False)

    def _payload(self) -> Any:
        parents = self.program.node.parents
        if not parents:
            return self.run.parsed("trigger", self.run.bytes_of(self.run.group.trigger))
        if len(parents) == 1:
            text = self.run.seen_json(parents[0])
            if text is not None:
                return self.run.parsed(f"n{parents[0]}", text)
        return UNDEFINED


def is_completed(value: Held) -> bool:
    """True if the node ended well."""
    return isinstance(value, bytes) or value.status == journal_pb.NODE_STATUS_COMPLETED
