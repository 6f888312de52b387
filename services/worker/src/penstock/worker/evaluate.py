"""Evaluates values with `${{ }}`: natively where that is exact, the rest of a value in one crossing
into V8.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.nodes.api import NodeFailure
from penstock.worker.failures import to_node_failure
from penstock.worker.needs import Needs
from penstock.worker.program import VARS, Parsed
from penstock.worker.sandbox import SandboxClient
from penstock.worker.scope import AttemptScope, NotOpened, plain
from penstock.workflow.expressions import (
    NEEDS_SANDBOX,
    UNDEFINED,
    Expression,
    ExpressionFailed,
    evaluate_native,
)
from penstock.workflow.expressions.javascript_values import is_truthy
from penstock.workflow.expressions.syntax import Chain, Constant, Name

_ITEMS = "__items"
_CALL_BYTES = 512
_VARS_AS_DATA = "vars = vars.getAll(); "
"""Expressions read variables by name; on the first line, so that the others keep their numbers."""
_RESULTS = msgspec.json.Decoder(list[dict[str, Any]])
_ELEMENTS = msgspec.json.Decoder(list[Any])


class Evaluator:
    """Evaluates for one attempt. Implements `penstock.nodes.api.Expressions`."""

    def __init__(
        self, scope: AttemptScope, sandbox: SandboxClient, wall_ms: int, memory_mb: int
    ) -> None:
        self._scope = scope
        self._program = scope.program
        self._sandbox = sandbox
        self._limits = pb.Limits(wall_ms=wall_ms, memory_mb=memory_mb)

    async def value(self, template: Any) -> Any:
        """`template` with all its expressions replaced by their values."""
        return await self.parsed_value(self._program.parsed(template))

    async def parsed_value(self, parsed: Parsed) -> Any:
        """The same for a value taken apart before. Raises EXPRESSION_ERROR."""
        if not parsed.expressions:
            return parsed.value
        return parsed.template.render(await self._results(parsed.expressions, parsed.needs))

    async def json(self, template: Any) -> bytes:
        """The same as JSON text; a bare reference to an output is passed on unread."""
        parsed = self._program.parsed(template)
        node = self._referred(parsed)
        if node is not None:
            await self._scope.run.open(parsed.needs)
            text = self._scope.run.seen_json(node)
            if text is not None:
                return text
        value = await self.parsed_value(parsed)
        return b"null" if value is UNDEFINED else msgspec.json.encode(value)

    async def condition(self, parsed: Parsed) -> bool:
        """Whether a condition holds, as JavaScript sees truth."""
        return is_truthy(await self.parsed_value(parsed))

    async def matches(self, conditions: Sequence[Any], *, first_only: bool) -> list[int]:
        """Places of the conditions that hold; with `first_only` at most one, the first."""
        found: list[int] = []
        for place, condition in enumerate(conditions):
            parsed = self._program.parsed(condition)
            if any(not one.native for one in parsed.expressions):
                rest = await self._matches_in_sandbox(conditions, place, first_only=first_only)
                return found + rest
            if await self.condition(parsed):
                found.append(place)
                if first_only:
                    break
        return found

    async def _matches_in_sandbox(
        self, conditions: Sequence[Any], start: int, *, first_only: bool
    ) -> list[int]:
        tests: list[str] = []
        needs = Needs()
        for condition in conditions[start:]:
            parsed = self._program.parsed(condition)
            needs |= parsed.needs
            tests.append(_source_of(parsed))
        stop = "if (found.length) return found;" if first_only else ""
        lines = [
            f"if (\n{test}\n) found.push({place});{stop}" for place, test in enumerate(tests, start)
        ]
        source = "const found = [];\n" + "\n".join(lines) + "\nreturn found;"
        found: list[int] = _ELEMENTS.decode(await self._crossing(source, needs))
        return found

    async def each(self, template: Any, items_json: bytes) -> bytes:
        """Evaluate `template` for every element of a JSON array, as `item` with `index`."""
        parsed = self._program.parsed(template)
        if all(one.native for one in parsed.expressions):
            native = await self._each_native(parsed, items_json)
            if native is not None:
                return native
        results = ", ".join(f"{{v: (\n{one.source}\n)}}" for one in parsed.expressions)
        source = (
            f"const out = [];\nlet index = 0;\nfor (const item of {_ITEMS}) {{\n"
            f"  out.push([{results}]);\n  index += 1;\n}}\nreturn out;"
        )
        text = await self._crossing(source, parsed.needs, items_json)
        rows = msgspec.json.decode(text, type=list[list[dict[str, Any]]])
        render = parsed.template.render
        return _encoded([render([one.get("v", UNDEFINED) for one in row]) for row in rows])

    async def _each_native(self, parsed: Parsed, items_json: bytes) -> bytes | None:
        await self._scope.run.open(parsed.needs)
        out = []
        for index, item in enumerate(_ELEMENTS.decode(items_json)):
            names = _WithItem(self._scope, item, index)
            results = [_native(one, names) for one in parsed.expressions]
            if NEEDS_SANDBOX in results:
                return None
            out.append(parsed.template.render(results))
        return _encoded(out)

    async def _results(self, expressions: Sequence[Expression], needs: Needs) -> list[Any]:
        await self._scope.run.open(needs)
        results = [
            _native(one, self._scope) if one.native else NEEDS_SANDBOX for one in expressions
        ]
        missing = [place for place, one in enumerate(results) if one is NEEDS_SANDBOX]
        if missing:
            parts = ", ".join(f"{{v: (\n{expressions[place].source}\n)}}" for place in missing)
            found = _RESULTS.decode(await self._crossing(f"return [{parts}];", needs))
            for place, one in zip(missing, found, strict=True):
                results[place] = one.get("v", UNDEFINED)
        return [plain(one) for one in results]

    async def _crossing(self, source: str, needs: Needs, items_json: bytes = b"") -> bytes:
        """Run a body in the sandbox within this attempt's scope; its output as JSON text."""
        program = self._program
        if needs.vars:
            source = f"{_VARS_AS_DATA}{source}"
        script, scripts = program.evaluation_script(source)
        step = pb.Step(
            node_id=program.node.id,
            script_id=script.script_id,
            parents=program.parent_ids,
            item_json=items_json or self._scope.item_json,
            item_name=_ITEMS if items_json else program.node.item_name,
            host_functions=(VARS,) if needs.vars else (),
        )
        run = self._scope.run
        await run.open(needs)
        call = pb.Call()
        size = run.fill_call(call, needs, self._scope.attempt)
        call.steps.append(step)
        call.limits.CopyFrom(self._limits)
        result = await self._sandbox.call(
            call, scripts, size=size + len(step.item_json) + _CALL_BYTES
        )
        if result.HasField("jail_failure"):
            raise to_node_failure(result.jail_failure)
        answer = result.steps[0]
        if answer.HasField("failure"):
            told = to_node_failure(answer.failure)
            raise NodeFailure(told.error_class, "EXPRESSION_ERROR", told.message, told.details)
        text: bytes = answer.output_json
        return text

    def _referred(self, parsed: Parsed) -> int | None:
        """The node whose outcome a bare `${{ nodes.x.output }}`, `input.x` or `payload` is."""
        if len(parsed.expressions) != 1 or not isinstance(parsed.value, str):
            return None
        if parsed.value.strip() != parsed.value or not parsed.value.endswith("}}"):
            return None
        expression = parsed.expressions[0]
        if parsed.value.find("${{") != 0 or parsed.value[3:-2].strip() != expression.source:
            return None
        index_of = self._program.owner.index_of
        node = self._program.node
        match expression.tree:
            case Name("payload") if len(node.parents) == 1:
                return node.parents[0]
            case Chain(Name("nodes"), steps) if len(steps) == 2 and _key(steps[1]) == "output":
                return index_of.get(_key(steps[0]))
            case Chain(Name("input"), steps) if len(steps) == 1:
                found = index_of.get(_key(steps[0]))
                return found if found in node.parents else None
        return None


def _key(step: Any) -> str:
    return step.key.value if isinstance(step.key, Constant) else ""


class _WithItem:
    """The attempt's names with an element of a list as `item` and its place as `index`."""

    __slots__ = ("_index", "_item", "_names")

    def __init__(self, names: AttemptScope, item: Any, index: int) -> None:
        self._names, self._item, self._index = names, item, index

    def __contains__(self, name: str) -> bool:
        return name in ("item", "index") or name in self._names

    def __getitem__(self, name: str) -> Any:
        if name == "item":
            return self._item
        return self._index if name == "index" else self._names[name]


def _native(expression: Expression, names: Any) -> Any:
    try:
        return evaluate_native(expression, names)
    except ExpressionFailed as error:
        message = f"{error} in ${{{{ {expression.source} }}}}"
        raise NodeFailure("user", "EXPRESSION_ERROR", message) from None
    except NotOpened:
        return NEEDS_SANDBOX


def _source_of(parsed: Parsed) -> str:
    """JavaScript for a condition: its only expression, or the constant it is."""
    if len(parsed.expressions) == 1:
        return parsed.expressions[0].source
    return "true" if is_truthy(parsed.value) else "false"


def _encoded(values: list[Any]) -> bytes:
    return msgspec.json.encode([None if one is UNDEFINED else plain(one) for one in values])
