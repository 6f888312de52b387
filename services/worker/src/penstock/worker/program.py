"""A plan made ready to run: scripts, parsed templates, what each reads, which runner it has.

Built once per definition and kept by the plan cache. Nothing in here changes afterwards, apart from
the runners, which are imported when a node type is first used, and what is learnt from runs.
"""

import hashlib
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.nodes.api import NodeCall, NodeFailure, NodeResult
from penstock.worker.needs import NOTHING, Needs, needs_of
from penstock.worker.segment import SegmentRules, traits_of
from penstock.workflow.choices import choices_of
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.expressions import Expression, ValueTemplate, parse_value
from penstock.workflow.javascript import Analysis, JavaScript
from penstock.workflow.node_type import NodeType
from penstock.workflow.plan import NodePlan, Plan

Runner = Callable[[NodeCall], Awaitable[NodeResult]]

SANDBOX_HOSTS = ("http",)
"""Host functions of JavaScript that the worker offers; `sleep` lives in the sandbox."""

VARS = "vars"
"""The name under which a step that lists it sees the execution's variables."""

BODY = sandbox_pb.SCRIPT_KIND_BODY
_TEMPLATES_MAX = 64


def script_of(
    kind: "sandbox_pb.ScriptKind.ValueType", source: str, label: str
) -> sandbox_pb.Script:
    """A script under the id that its content gives it."""
    digest = hashlib.sha256(f"{kind}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()
    return sandbox_pb.Script(script_id=digest, kind=kind, source=source, label=label)


def load_runner(path: str) -> Runner:
    """The function at `package.module:name`. Raises ImportError, AttributeError."""
    module, _, name = path.partition(":")
    runner: Runner = getattr(importlib.import_module(module), name)
    return runner


def _sandbox_names(needs: Needs) -> tuple[str, ...]:
    """Names that the sandbox gives to a script only if its step lists them."""
    return (VARS,) if needs.vars else ()


class Parsed:
    """A value with expressions, what they read, and whether only the sandbox can evaluate some."""

    __slots__ = ("expressions", "needs", "template", "value")

    def __init__(self, template: ValueTemplate, needs: Needs) -> None:
        self.template = template
        self.value = template.value
        self.expressions: tuple[Expression, ...] = template.expressions
        self.needs = needs


class NodeProgram:
    """One node, ready to run."""

    def __init__(self, owner: "PlanProgram", node: NodePlan) -> None:
        javascript = owner.javascript
        self.owner = owner
        self.node = node
        self.type = owner.types.get(node.uses)
        self.label = f"flow {owner.plan.name}, node {node.id}"
        self._templates: dict[int, tuple[Any, Parsed]] = {}
        self._evaluations: dict[str, tuple[sandbox_pb.Script, tuple[sandbox_pb.Script, ...]]] = {}
        self._runner: Runner | None = None
        self.parent_ids = [owner.plan.nodes[parent].id for parent in node.parents]
        analysis = Analysis((), ())
        self.script: sandbox_pb.Script | None = None
        self.step: sandbox_pb.Step | None = None
        self.script_needs = NOTHING
        if node.script is not None:
            analysis = javascript.body(node.script)
            self.script = script_of(BODY, node.script, self.label)
            self.script_needs = needs_of([analysis], node, owner.index_of)
        self.host_functions = tuple(one for one in SANDBOX_HOSTS if one in node.host_functions)
        self.sleeps = any(access.root == "sleep" for access in analysis.accesses)
        self.chooses = "__next" in (node.script or "") or any(
            access.root == "next" for access in analysis.accesses
        )
        if self.script is not None:
            self.step = sandbox_pb.Step(
                node_id=node.id,
                script_id=self.script.script_id,
                parents=self.parent_ids,
                host_functions=(*self.host_functions, *_sandbox_names(self.script_needs)),
            )
        raw = self.type.raw_fields if self.type is not None else ()
        self.config = self._parsed(parse_value(dict(node.config), raw))
        self.when = self.parsed(node.when) if node.when is not None else None
        self._quick_item = (
            self.script is not None and not self.host_functions and not node.uses_vars
        )
        self._quick_node = self._quick_item and node.when is None and node.for_each is None
        self.group: Any = None
        self.for_each = self.parsed(node.for_each) if node.for_each is not None else None

    @cached_property
    def _choices(self) -> frozenset[str]:
        """What the node can choose: its children, the actions of edges out of it, its own."""
        return choices_of(self.owner.plan, self.node, self.type)

    def refuse_choice(self, chosen: Sequence[str]) -> NodeFailure | None:
        """The failure if a chosen name leads nowhere, most likely a typing error."""
        unknown = [name for name in chosen if name not in self._choices]
        if not unknown:
            return None
        known = ", ".join(sorted(self._choices)) or "none"
        text = f"{unknown[0]!r} was chosen, but is no child and no action of this node"
        return NodeFailure("user", "UNKNOWN_CHOICE", f"{text}; there are: {known}")

    def is_quick(self, item: int) -> bool:
        """True if an attempt is nothing but a script without host functions."""
        return self._quick_item if item else self._quick_node

    def evaluation_script(
        self, source: str
    ) -> tuple[sandbox_pb.Script, tuple[sandbox_pb.Script, ...]]:
        """The script that evaluates expressions of this node; remembered."""
        known = self._evaluations.get(source)
        if known is None:
            script = script_of(BODY, source, f"{self.label}, expressions")
            known = script, (script,)
            if len(self._evaluations) < _TEMPLATES_MAX:
                self._evaluations[source] = known
        return known

    def parsed(self, value: Any) -> Parsed:
        """A value of this node's configuration taken apart; the plan's own are remembered."""
        known = self._templates.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        made = self._parsed(parse_value(value))
        if len(self._templates) < _TEMPLATES_MAX:
            self._templates[id(value)] = (value, made)
        return made

    def _parsed(self, template: ValueTemplate) -> Parsed:
        javascript = self.owner.javascript
        analyses = [javascript.expression(one.source) for one in template.expressions]
        return Parsed(template, needs_of(analyses, self.node, self.owner.index_of))

    def runner(self) -> Runner:
        """The function that runs the node's type; imported at the first call."""
        if self._runner is None:
            if self.type is None:
                raise ImportError(f"this worker has no node type {self.node.uses}")
            self._runner = load_runner(self.type.runner)
        return self._runner


class PlanProgram:
    """A plan, ready to run for workers of one pool. `groups`, `leading` and `followed` are caches
    that belong to `penstock.worker.scripts`, `starts` to `penstock.worker.quick`; `fragile` are
    scripts that a call of several died with, which run alone since. `asks`: some node asks for
    resources.
    """

    def __init__(self, plan: Plan, types: Mapping[str, NodeType], pool: str) -> None:
        self.plan = plan
        self.types = types
        self.index_of = {node.id: node.index for node in plan.nodes}
        self.javascript = JavaScript()
        self.nodes = tuple(NodeProgram(self, node) for node in plan.nodes)
        self.rules = SegmentRules(
            tables_of(plan),
            [
                traits_of(
                    one.node, pool=pool, host_functions=one.host_functions, chooses=one.chooses
                )
                for one in self.nodes
            ],
            frozenset(one.node.index for one in self.nodes if one.sleeps),
        )
        self.groups: dict[tuple[int, ...], Any] = {}
        self.leading: dict[tuple[int, ...], Any] = {}
        self.followed: dict[tuple[int, ...], bool] = {}
        self.starts: dict[tuple[int, bool, tuple[int, ...]], Any] = {}
        self.fragile: set[int] = set()
        self.asks = any(node.resources for node in plan.nodes)

    def observe(self, node: int, duration_us: int) -> None:
        """Learn from a run of a node; what was concluded from its being quick or slow is redone."""
        if self.rules.observe(node, duration_us):
            self.leading.clear()
            self.followed.clear()
            self.starts.clear()

    def run_alone(self, node: int) -> None:
        """A call of several died that began with this node: it runs alone from now on."""
        self.fragile.add(node)
        self.starts.clear()

    def ids(self, indexes: Sequence[int]) -> list[str]:
        """Ids of nodes."""
        return [self.plan.nodes[index].id for index in indexes]
