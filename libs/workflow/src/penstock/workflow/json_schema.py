"""The door to JSON Schema: checks values against draft-07 schemas and words what is wrong for
people.

Schemas come from workflow files too, so nothing is fetched (`$ref` works within the schema only)
and patterns are matched by an engine that needs linear time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationErrorKind as Kinds

from penstock.workflow.expressions.template import OPEN
from penstock.workflow.issues import shortened
from penstock.workflow.located import kind_of
from penstock.workflow.nearest import Names

_BOUNDS = {
    Kinds.Minimum: "at least",
    Kinds.Maximum: "at most",
    Kinds.ExclusiveMinimum: "more than",
    Kinds.ExclusiveMaximum: "less than",
}

_MISFITS_MAX = 1_000
"""Ways in which one value does not fit; explaining 100,000 of them takes seconds."""

_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_OTHER_WORDS = {
    "int": "integer", "long": "integer", "float": "number", "double": "number",
    "decimal": "number", "str": "string", "text": "string", "bool": "boolean", "list": "array",
    "dict": "object", "map": "object", "none": "null",
}  # fmt: skip
"""Names of types elsewhere, and what JSON Schema calls them."""


class BadSchema(ValueError):
    """A schema is not valid draft-07, or reaches outside itself: where in it, and what would be
    right."""

    def __init__(
        self, message: str, fix: str = "see JSON Schema draft-07", path: Sequence[str | int] = ()
    ) -> None:
        super().__init__(message)
        self.fix = fix
        self.path = tuple(path)


class Misfit(msgspec.Struct, frozen=True):
    """One way in which a value does not fit: where inside it, the key at fault if there is one, and
    what would fit."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""
    key: str | None = None


class SchemaChecker:
    """A compiled schema.

    With `expressions` texts that hold `${{ }}` fit everywhere, except below the top-level keys
    `raw_fields`.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        expressions: bool = False,
        raw_fields: Sequence[str] = (),
    ) -> None:
        self._schema = dict(schema)
        self._expressions = expressions
        self._raw_fields = frozenset(raw_fields)
        try:
            jsonschema_rs.meta.validate(self._schema)
            self._validator = jsonschema_rs.Draft7Validator(
                self._schema, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
            )
        except jsonschema_rs.ValidationError as error:
            raise _bad_schema(error) from error
        except ValueError as error:
            raise BadSchema(_first_line(error)) from error

    def misfits(self, value: Any) -> list[Misfit]:
        """What does not fit: all of it, up to a number that nobody reads."""
        try:
            return self._found(value)
        except ValueError:  # the validator's own limit, near 255 levels
            return [Misfit((), "is nested too deeply.", "make it flatter")]

    def _found(self, value: Any) -> list[Misfit]:
        if self._validator.is_valid(value):
            return []
        found: list[Misfit] = []
        for error in self._validator.iter_errors(value):
            if not self._excused(error):
                found.extend(islice(self._explain(error), _MISFITS_MAX))
            if len(found) >= _MISFITS_MAX:
                break
        return found

    def _explain(self, error: jsonschema_rs.ValidationError) -> Iterator[Misfit]:
        kind = error.kind
        path = tuple(error.instance_path)
        if isinstance(kind, Kinds.AdditionalProperties):
            allowed = Names(self._known_properties(error.schema_path[:-1]))
            for key in kind.unexpected:
                yield Misfit(path, f'"{key[:60]}" is not a known key.', allowed.hint(key), key)
        elif isinstance(kind, Kinds.Required):
            yield Misfit(path, f'"{kind.property}" is missing.', f"add `{kind.property}:`")
        elif isinstance(kind, Kinds.Type):
            wanted = " or ".join(kind.types)
            message = f"must be {_article(wanted)}, not {kind_of(error.instance)}."
            yield Misfit(path, message, _type_fix(wanted, error.instance))
        elif isinstance(kind, Kinds.Enum):
            options = [shortened(str(option), 60) for option in kind.options]
            hint = Names(options).hint(str(error.instance))
            message = f"must be one of {', '.join(options[:20])}, not {kind_of(error.instance)}."
            yield Misfit(path, message, hint)
        elif isinstance(kind, Kinds.AnyOf | Kinds.OneOfNotValid):
            closest = self._closest(kind.context, len(path))
            yield from closest or [Misfit(path, _sentence(error.message))]
        elif isinstance(kind, Kinds.OneOfMultipleValid):
            yield Misfit(path, self._too_many_of(error))
        elif word := _BOUNDS.get(type(kind)):
            given = shortened(str(error.instance), 60)
            yield Misfit(path, f"must be {word} {kind.as_dict()['limit']}, not {given}.")
        else:
            yield Misfit(path, _sentence(error.message))

    def _too_many_of(self, error: jsonschema_rs.ValidationError) -> str:
        """Which keys exclude each other, if that is what the alternatives are about."""
        place: Any = self._schema
        for step in error.schema_path:
            place = place[step] if isinstance(place, dict) and step in place else None
        branches = place if isinstance(place, list) else []
        keys = [key for branch in branches for key in _required_by(branch)]
        held: Any = error.instance
        given = [k for k in dict.fromkeys(keys) if isinstance(held, dict) and k in held]
        if len(given) < 2:
            return _sentence(error.message)
        return f"has {' and '.join(f'`{key}`' for key in given)}; only one of them is possible."

    def _closest(
        self, branches: Iterable[Iterable[jsonschema_rs.ValidationError]], depth: int
    ) -> list[Misfit]:
        """What is wrong by the one alternative of the right sort; empty if not just one is."""
        fitting = [
            errors
            for errors in map(list, branches)
            if not any(
                len(error.instance_path) <= depth
                and isinstance(error.kind, Kinds.Type | Kinds.Enum | Kinds.Constant)
                for error in errors
            )
        ]
        if len(fitting) != 1:
            return []
        return [misfit for error in fitting[0] for misfit in self._explain(error)]

    def _known_properties(self, schema_path: Sequence[str | int]) -> list[str]:
        """Names of the properties declared at a place of the schema."""
        place: Any = self._schema
        for key in schema_path:
            if key == "$ref" and isinstance(place, dict):
                reference = str(place.get("$ref", ""))
                place = self._schema
                for part in reference.removeprefix("#").split("/")[1:]:
                    place = place.get(part, {}) if isinstance(place, dict) else {}
            elif isinstance(place, dict):
                place = place.get(key, {})
            elif isinstance(place, list) and isinstance(key, int):
                place = place[key]
        return list(place.get("properties", ())) if isinstance(place, dict) else []

    def _excused(self, error: jsonschema_rs.ValidationError) -> bool:
        """True if the value may fit once its expressions have values."""
        if not self._expressions:
            return False
        path = error.instance_path
        if path and path[0] in self._raw_fields:
            return False
        if isinstance(error.instance, str) and OPEN in error.instance:
            return True
        if isinstance(error.kind, Kinds.AnyOf | Kinds.OneOfNotValid):
            branches = error.kind.context
            return any(all(self._excused(inner) for inner in branch) for branch in branches)
        return False


def _required_by(branch: Any) -> Sequence[str]:
    return branch.get("required", ()) if isinstance(branch, dict) else ()


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema cannot refer to {uri}")


def _type_fix(wanted: str, instance: Any) -> str:
    if wanted == "string":
        return "put it in quotes"
    if wanted == "boolean" and instance in ("yes", "no", "on", "off"):
        return "write true or false"
    return ""


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _sentence(text: str) -> str:
    text = shortened(text)
    return text if text.endswith(".") else text + "."


def _bad_schema(error: jsonschema_rs.ValidationError) -> BadSchema:
    path = error.instance_path
    if path and path[-1] == "type" and isinstance(error.kind, Kinds.AnyOf):
        given = error.instance if isinstance(error.instance, list) else [error.instance]
        for name in (one for one in given if one not in _TYPES):
            word = _OTHER_WORDS.get(str(name).lower())
            fix = f'write "{word}"' if word else Names(_TYPES).hint(str(name))
            fix = fix or f"the types are {', '.join(_TYPES)}"
            return BadSchema(f"{kind_of(name)} is not a type.", fix, path)
    return BadSchema(_sentence(_first_line(error)), path=path)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
