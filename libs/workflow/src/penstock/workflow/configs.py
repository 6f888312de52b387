"""Checks the `with` of nodes against their types, and the actions that edges ask for."""

from collections.abc import Sequence

from penstock.workflow.choices import script_chooses
from penstock.workflow.definition import NodeDefinition
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.json_schema import Misfit, SchemaChecker
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.node_type import Effects, NodeType
from penstock.workflow.vocabulary import EFFECT_FUNCTIONS, JS_TYPE


class ConfigChecker:
    """Checks configurations; the schema of each type is compiled once."""

    def __init__(self, issues: IssueList) -> None:
        self._issues = issues
        self._checkers: dict[str, SchemaChecker] = {}

    def check(self, node: NodeDefinition) -> bool:
        """Tell what does not fit; True if all is well."""
        if node.type is None:
            return False
        checker = self._checkers.get(node.uses)
        if checker is None:
            checker = SchemaChecker(
                node.type.config_schema, expressions=True, raw_fields=node.type.raw_fields
            )
            self._checkers[node.uses] = checker
        misfits = checker.misfits(node.config)
        for misfit in misfits:
            self._tell(node, misfit)
        return not misfits

    def _tell(self, node: NodeDefinition, misfit: Misfit) -> None:
        path = join_path(node.path, "with")
        value = (node.source.items or {}).get("with")
        if value is None:
            code, place = "MISSING_KEY", node.source.place(path)
        else:
            code = "UNKNOWN_KEY" if misfit.key is not None else "BAD_CONFIG"
            place = _descend(value, misfit.path, path, misfit.key)
        message = misfit.message
        if not message.startswith('"'):
            name = place.path.removeprefix(f"{path}.") if place.path != path else "with"
            message = f"{name} {message}"
        self._issues.error(code, place, f"{node.uses}: {message}", misfit.fix)


def _descend(value: Located, keys: Sequence[str | int], path: str, key: str | None) -> Place:
    for step in keys:
        inner: Located | None = None
        if isinstance(step, int):
            inner = value.elements[step] if value.elements else None
        else:
            inner = (value.items or {}).get(step)
        path = join_path(path, step)
        if inner is None:
            break
        value = inner
    return value.key_place(key, path) if key is not None else value.place(path)


def actions_offered(node: NodeDefinition) -> tuple[str, ...] | None:
    """The actions a router can choose: None if it chooses none, ("*",) if it may choose any."""
    if node.uses == JS_TYPE:
        return ("*",) if script_chooses(node.script or "") else None
    if node.type is None:
        return ("*",)
    return node.type.actions_of(node.config) if node.type.actions_of is not None else None


def check_action(parent: NodeDefinition, action: str, place: Place, issues: IssueList) -> None:
    """Tell if a parent never chooses the action that an edge asks for."""
    offered = actions_offered(parent)
    if offered is None:
        message = f'"{parent.id}" is not a router: it never chooses an action.'
        fix = "remove `action`, or let the code return {__next: [...]}"
        issues.error("ACTION_NOT_OFFERED", place, message, fix)
    elif action not in offered and "*" not in offered:
        message = f'"{parent.id}" has no action "{action[:60]}".'
        fix = Names(offered).hint(action) or "it has " + ", ".join(offered[:20])
        issues.error("ACTION_NOT_OFFERED", place, message, fix)


def effects_of(node: NodeDefinition, node_type: NodeType, host_functions: set[str]) -> Effects:
    """What an attempt does outside: said by the file, else by the code, else by the type."""
    if node.effects is not None:
        return node.effects
    if node.script is not None:
        return "idempotent" if host_functions.intersection(EFFECT_FUNCTIONS) else "none"
    if node_type.effects_of is not None:
        return node_type.effects_of(node.config)
    return node_type.effects
