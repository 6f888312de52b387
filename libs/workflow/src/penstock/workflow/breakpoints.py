"""Breakpoints: those a file brings, what a condition may read, and whether it is true.

Conditions are evaluated where the execution is decided, by the native evaluator, over what the node
would see; one that only the sandbox could tell, or that reads more, is refused when it is set. If
it cannot be told at run time after all (a value is stored apart, JavaScript would throw), the
breakpoint holds and says so: rather once too often than past the place somebody wanted to see.
"""

from collections.abc import Sequence

from penstock.workflow.execution.debug_events import Breakpoint, Place
from penstock.workflow.execution.sight import NotAtHand, Sight
from penstock.workflow.expressions import (
    NEEDS_SANDBOX,
    ExpressionFailed,
    TemplateSyntaxError,
    evaluate_native,
    parse_template,
)
from penstock.workflow.expressions.javascript_values import is_truthy
from penstock.workflow.expressions.parse import accesses_of
from penstock.workflow.expressions.template import Expression
from penstock.workflow.plan import NodePlan, Plan

FILE_PREFIX = "file:"
"""Ids of breakpoints from the file begin with this, then comes the node."""

CONDITION_CHARS_MAX = 1_000
_KNOWN_MAX = 1_000
"""Conditions kept read per plan: five executions' worth."""
_ANYWHERE = frozenset({"params", "run", "vars"})
_AT_A_NODE = frozenset({"input", "payload", "nodes"})


def from_file(plan: Plan) -> tuple[Breakpoint, ...]:
    """The breakpoints that the file brings, in plan order."""
    found = []
    for node in plan.nodes:
        text = node.breakpoint
        if text:
            place = Place.AFTER if text == "after" else Place.BEFORE
            condition = text if text not in ("before", "after") else ""
            found.append(Breakpoint(f"{FILE_PREFIX}{node.id}", node.index, -1, place, condition))
    return tuple(found)


def reads_item(plan: Plan, point: Breakpoint) -> bool:
    """True if the condition reads the item: the breakpoint is for items then, else for nodes."""
    if point.node < 0 or not point.condition or plan.nodes[point.node].for_each is None:
        return False
    node = plan.nodes[point.node]
    expression = _known(plan, point.condition)
    if expression is None or expression.tree is None:
        return False
    return any(access.root == node.item_name for access in accesses_of(expression.tree))


def condition_flaw(plan: Plan, point: Breakpoint) -> str:
    """What is wrong with a breakpoint's condition, as a sentence; empty if it can be evaluated."""
    text = point.condition
    if not text:
        return ""
    if len(text) > CONDITION_CHARS_MAX:
        return f"The condition has {len(text)} characters; at most {CONDITION_CHARS_MAX} are read."
    try:
        expression = _expression(text)
    except TemplateSyntaxError as error:
        return f"The condition cannot be read: {error}."
    if expression is None:
        return "A condition is one expression in ${{ }} and nothing else."
    if expression.tree is None:
        return (
            "The condition needs the sandbox: here only paths, literals, comparisons, arithmetic "
            "and logic are evaluated."
        )
    node = plan.nodes[point.node] if point.node >= 0 else None
    return _flaw_of_names(plan, point, node, expression)


def _flaw_of_names(
    plan: Plan, point: Breakpoint, node: NodePlan | None, expression: Expression
) -> str:
    known = set(_ANYWHERE)
    if node is not None:
        known |= _AT_A_NODE
        if point.place == Place.AFTER:
            known.add("output")
        elif node.for_each is not None:
            known.add(node.item_name)
    if expression.tree is None:
        return ""
    for access in accesses_of(expression.tree):
        if access.root not in known:
            return f"The condition reads {access.root!r}; here it may read {_listed(known)}."
        if access.root == "run" and access.key != "attempt":
            return "Of `run` a condition may read `attempt` only."
        if access.root == "nodes" and node is not None:
            read = {plan.nodes[each].id for each in (*node.parents, *node.reads)}
            if access.key not in read:
                return (
                    f"The condition reads node {access.key!r}, whose outcome is not kept for "
                    f"{node.id}; it may read {_listed(read)}."
                )
    return ""


def is_met(point: Breakpoint, sight: Sight) -> tuple[bool, str]:
    """True if the condition is; or if it cannot be told, then with a sentence that says why."""
    if not point.condition:
        return True, ""
    try:
        expression = _known(sight.plan, point.condition)
        if expression is None:
            return True, "Its condition is not one expression."
        value = evaluate_native(expression, sight)
    except (NotAtHand, ExpressionFailed, TemplateSyntaxError) as error:
        return True, f"Its condition could not be evaluated: {error}."
    except RecursionError:
        return True, "Its condition could not be evaluated: a value is nested too deeply."
    if value is NEEDS_SANDBOX:
        return True, "Its condition could not be evaluated here: it needs the sandbox."
    return is_truthy(value), ""


def _known(plan: Plan, text: str) -> Expression | None:
    """The expression, read once and kept with the plan: conditions are asked at every node."""
    known = plan.__dict__.setdefault("conditions", {})
    if text not in known:
        if len(known) >= _KNOWN_MAX:
            known.clear()
        known[text] = _expression(text)
    found: Expression | None = known[text]
    return found


def _expression(text: str) -> Expression | None:
    return parse_template(text).only_expression


def _listed(names: set[str] | Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
