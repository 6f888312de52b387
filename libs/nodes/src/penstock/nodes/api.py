"""What a node type's runner sees and returns: the plug-in interface of Penstock.

A runner is `async def run(call: NodeCall) -> NodeResult`. It is called once per attempt. It may
raise `NodeFailure` to end the attempt with a class and a reason; any other exception counts as a
fault of the node type (class system, reason INTERNAL). It is cancelled when the attempt's time is
up or the execution ends.

JSON values travel as text. `msgspec.Raw` stands for JSON text that nobody needs to read here: an
output may be a `Raw`, or hold some anywhere inside, and they are spliced in as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from penstock.workflow.node_type import Effects

ErrorClass = Literal["transient", "permanent", "system", "user"]
TimeoutOutcome = Literal["fail", "skip", "complete", "approve", "reject"]
LogLevel = Literal["debug", "info", "warn", "error"]
Resource = TypeVar("Resource")


class Done(msgspec.Struct, frozen=True):
    """The node finished. `output` is anything JSON can hold.

    `chosen` are the actions a router chose; None means that the node does not choose, an empty
    tuple that no action is taken.
    """

    output: Any = None
    chosen: tuple[str, ...] | None = None


class Ask(msgspec.Struct, frozen=True):
    """What a person is asked: a line, more of it, the JSON Schema of the data that come with the
    answer (empty: free), whom it is meant for (empty: everybody), what they should see."""

    title: str
    description: str = ""
    form_json: bytes = b""
    assignees: tuple[str, ...] = ()
    data: Any = None


class Sleep(msgspec.Struct, frozen=True):
    """The node sleeps without holding a worker: for a time, until an instant, until a signal comes
    or until a person answers; or its condition does not hold and is looked at `again` after a time.

    With a `signal` or `ask` the time is a time-out, and `on_timeout` what becomes of it; with
    `again` that is `give_up_after_us`, from the first time on. In other cases, and with
    `on_timeout` complete, the node completes with `output`.
    """

    duration_us: int = 0
    until_unix_us: int = 0
    signal: str = ""
    output: Any = None
    ask: Ask | None = None
    on_timeout: TimeoutOutcome = "fail"
    again: bool = False
    give_up_after_us: int = 0


class StartWorkflow(msgspec.Struct, frozen=True):
    """The node wants an execution of a workflow of the same account started, as its sub-workflow,
    and ends as that does, without holding a worker meanwhile.

    `version` 0 is the latest there is when it starts. `detached`: the node is over at once, with
    `{"execution_id", "workflow"}` as its output. `outlives`: the sub-workflow goes on when the node
    is given up.
    """

    workflow: str
    version: int = 0
    params: Mapping[str, Any] = {}
    tags: tuple[str, ...] = ()
    priority: int | None = None
    detached: bool = False
    outlives: bool = False


NodeResult = Done | Sleep | StartWorkflow


class NodeFailure(Exception):
    """The attempt failed, in a way the node type understands.

    `error_class` decides whether a repeat may help: transient (it may), permanent (it cannot), user
    (configuration or data of the flow is at fault), system (Penstock is). `reason` is a stable
    UPPER_SNAKE name.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.error_class: ErrorClass = error_class
        self.reason = reason
        self.message = message
        self.details = details
        super().__init__(f"{reason}: {message}")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the server allows node types, from the worker's settings.

    `egress` are host patterns that nodes may reach (`*` for all); `data_roots` the folders files
    are read from; `response_bytes_max` and `rows_max` bound what one node may take in.
    """

    egress: tuple[str, ...] = ("*",)
    data_roots: tuple[str, ...] = (".",)
    response_bytes_max: int = 16 * 1024 * 1024
    rows_max: int = 100_000
    connections_max: int = 10


class Resources(Protocol):
    """Things that calls share within a worker: connection pools, sessions."""

    async def get(
        self, opener: Callable[[Environment], AbstractAsyncContextManager[Resource]]
    ) -> Resource:
        """What `opener(environment)` gives on entry; entered at the first call, left when the
        worker ends.
        """
        ...


class Inputs(Protocol):
    """Outcomes of earlier nodes, opened only when asked for."""

    @property
    def parents(self) -> Sequence[str]:
        """Ids of the parents that completed, in the order of `needs`."""
        ...

    async def output_json(self, node_id: str) -> bytes:
        """Output of an ancestor as JSON text; `null` if it has none."""
        ...

    async def payload_json(self) -> bytes:
        """Output of the only parent; the trigger's data without parents; an object by id for
        several parents.
        """
        ...


class Expressions(Protocol):
    """Evaluates values that hold `${{ }}`; for fields that the type keeps raw."""

    async def value(self, template: Any) -> Any:
        """`template` with all its expressions replaced by their values."""
        ...

    async def json(self, template: Any) -> bytes:
        """The same as JSON text; a template that is nothing but a reference to an output is not
        even parsed.
        """
        ...

    async def each(self, template: Any, items_json: bytes) -> bytes:
        """Evaluate `template` for every element of a JSON array, seen as `item` with its place as
        `index`.

        Returns the JSON array of the results, in one crossing into V8 at most.
        """
        ...

    async def matches(self, conditions: Sequence[str], *, first_only: bool) -> list[int]:
        """Places of the conditions that hold; with `first_only` none is evaluated after the first
        that does.
        """
        ...


def _no_log(level: LogLevel, message: str) -> None:
    """Drop the line."""


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One attempt, as its runner sees it.

    `config` is the node's `with` after evaluation (raw fields as written). `item` counts from 1
    within a for-each and is 0 outside. `idempotency_key` is the same for every attempt of this node
    or item. `traceparent` is the W3C trace context of the execution's start, empty if none; what
    reaches outside should carry it. `time_left_s` is how long the attempt may still run when it
    begins. `egress` is the node's own list of allowed hosts, None if it has none.
    """

    config: Mapping[str, Any]
    inputs: Inputs
    expressions: Expressions
    resources: Resources
    environment: Environment = field(default_factory=Environment)
    execution_id: str = ""
    node_id: str = ""
    item: int = 0
    attempt: int = 1
    tenant: str = "default"
    idempotency_key: str = ""
    effects: Effects = "none"
    effect_may_have_happened: bool = False
    time_left_s: float = 30.0
    now_unix_us: int = 0
    traceparent: str = ""
    egress: tuple[str, ...] | None = None
    collects: bool = False
    log: Callable[[LogLevel, str], None] = _no_log
