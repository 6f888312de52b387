"""Parameters: their declarations in a file, and checking the values of a start."""

from collections.abc import Mapping
from typing import Any

from penstock.workflow import vocabulary as words
from penstock.workflow.issues import Issue, IssueList, Place
from penstock.workflow.json_schema import BadSchema, SchemaChecker
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.plan import Plan
from penstock.workflow.search.terms import SEARCHED_MAX, searched_paths

_KEYWORDS = (
    "type", "enum", "const", "default", "description", "title", "examples", "format", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
    "pattern", "items", "minItems", "maxItems", "uniqueItems", "contains", "additionalItems",
    "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "minProperties", "maxProperties", "dependencies", "anyOf", "oneOf", "allOf", "not", "if",
    "then", "else", "definitions", "$ref", "$id", "$schema", "$comment", "readOnly", "writeOnly",
    "contentEncoding", "contentMediaType", "search",
)  # fmt: skip


class ParamsChecker:
    """Checks the parameters of starts of one plan. Keep it with the plan: building it compiles the
    schema. `declared` is false if there are none."""

    def __init__(self, plan: Plan) -> None:
        schema = plan.params_schema
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._defaults = {
            name: declared["default"]
            for name, declared in self._properties.items()
            if "default" in declared
        }
        self.declared = bool(self._properties)
        self._names = Names(self._properties)
        self._checkers = {
            name: SchemaChecker(declared) for name, declared in self._properties.items()
        }

    def check(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Issue, ...]]:
        """The parameters with defaults filled in, and everything that is wrong with them."""
        filled = {**self._defaults, **params}
        issues = IssueList()
        for name, value in params.items():
            checker = self._checkers.get(name)
            if checker is None:
                place = Place(path=join_path("params", name))
                message = f'The workflow has no parameter "{name[:60]}".'
                issues.error("UNKNOWN_PARAM", place, message, self._names.hint(name))
                continue
            if value is None and name in self._defaults and self._defaults[name] is None:
                continue
            tell_misfits(checker, value, join_path("params", name), issues)
        for name in self._properties:
            if name not in filled:
                place = Place(path=join_path("params", name))
                message = f'The parameter "{name}" is missing.'
                issues.error("MISSING_PARAM", place, message, "give it a value")
        return filled, issues.sorted()


def check_params(plan: Plan, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Issue, ...]]:
    """`ParamsChecker(plan).check(params)`, for callers that check once."""
    return ParamsChecker(plan).check(params)


def params_schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the whole `params` object. A parameter without default is required."""
    if not declared:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    required = [name for name, schema in declared.items() if "default" not in schema]
    schema: dict[str, Any] = {
        "type": "object", "properties": dict(declared), "additionalProperties": False,
    }  # fmt: skip
    return {**schema, "required": required} if required else schema


def check_declarations(params: Located, issues: IssueList) -> dict[str, Any]:
    """Check the schemas under `params` and their defaults; gives those that can be used."""
    found: dict[str, Any] = {}
    keywords = Names(_KEYWORDS)
    items = params.items or {}
    if len(items) > words.PARAMS_MAX:
        message = f"There are {len(items)} parameters; {words.PARAMS_MAX} are possible."
        issues.error("TOO_MANY_PARAMS", params.place("params"), message, "group them in objects")
        return {}
    for name, value in items.items():
        path = join_path("params", name)
        if not words.IDENTIFIER.fullmatch(name):
            message = f'"{name[:60]}" is not a valid parameter name.'
            place = params.key_place(name, "params")
            issues.error("BAD_NAME", place, message, words.IDENTIFIER_RULE)
            found[name] = {"default": None}
        elif value.items is None:
            message = f"A parameter is declared by a JSON Schema, not by {value.kind}."
            issues.error("WRONG_TYPE", value.place(path), message, "such as `{type: string}`")
            found[name] = {"default": None}
        else:
            found[name] = value.data
            _check_declaration(value, path, keywords, issues)
    _check_searched(params, found, issues)
    return found


def _check_searched(params: Located, found: Mapping[str, Any], issues: IssueList) -> None:
    searched = searched_paths({"properties": found})
    if len(searched) > SEARCHED_MAX:
        message = f"{len(searched)} parameters are marked `search`; {SEARCHED_MAX} are possible."
        fix = "each is one more row for every start: mark those that people look for"
        issues.error("TOO_MANY_SEARCHED", params.place("params"), message, fix)


def _check_declaration(value: Located, path: str, keywords: Names, issues: IssueList) -> None:
    for key in value.items or {}:
        if key not in _KEYWORDS:
            fix = keywords.hint(key) or "it is ignored"
            message = f'"{key[:60]}" is not a keyword of JSON Schema.'
            issues.warning("UNKNOWN_KEYWORD", value.key_place(key, path), message, fix)
    try:
        checker = SchemaChecker(value.data)
    except BadSchema as error:
        fault, inner = value, path
        for step in error.path:
            fault, inner = fault.child(step) or fault, join_path(inner, step)
        message = f"This is not a JSON Schema: {error}"
        issues.error("BAD_SCHEMA", fault.place(inner), message, error.fix)
        return
    searched = (value.items or {}).get("search")
    if searched is not None and not isinstance(searched.data, bool):
        message = f"`search` is {searched.kind}: not true or false."
        fix = "write `search: true` to find executions by this parameter"
        issues.error("WRONG_TYPE", searched.place(join_path(path, "search")), message, fix)
    default = (value.items or {}).get("default")
    if default is None or default.data is None:
        return
    for misfit in checker.misfits(default.data):
        message = f"The default does not fit the schema: {misfit.message}"
        place = default.place(join_path(path, "default"))
        issues.error("BAD_DEFAULT", place, message, misfit.fix)


def tell_misfits(checker: SchemaChecker, value: Any, path: str, issues: IssueList) -> None:
    """Tell everything in a value that does not fit, each with its place below `path`."""
    for misfit in checker.misfits(value):
        inner = path
        for key in misfit.path:
            inner = join_path(inner, key)
        if misfit.key is not None:
            inner = join_path(inner, misfit.key)
        message = misfit.message if misfit.message[:1] in '"[{' else f"It {misfit.message}"
        issues.error("BAD_PARAM", Place(path=inner), message, misfit.fix)
