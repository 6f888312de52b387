"""Parameters of a run: `--param name=value` and `--params-file`, typed by the workflow's schema."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from penstock.cli.options import Param
from penstock.cli.problems import BadInput


def parse_json(text: str, option: str) -> Any:
    """The value of an option that takes JSON. Raises `BadInput`."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(
            f"{option} is not JSON: {error}", fix='Give JSON, such as {"a": 1}.'
        ) from error


def _types_of(schema: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The JSON types a parameter may have; none if the schema does not say."""
    properties = schema.get("properties", {})
    found = properties.get(name, {}).get("type", ()) if isinstance(properties, dict) else ()
    return (found,) if isinstance(found, str) else tuple(found)


def _value(text: str, types: tuple[str, ...]) -> Any:
    """Text stays text where the schema wants a string; else it is JSON if it can be."""
    if types == ("string",):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if "string" in types and not isinstance(value, bool | type(None) | list | dict):
        return value if types[0] != "string" else text
    return value


def read_params_file(path: Path) -> dict[str, Any]:
    """The object in a YAML or JSON file."""
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}", fix="Give a YAML or JSON file."
        ) from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} holds no object", fix="Write `name: value` lines.")
    return found


def build_params(
    given: Sequence[str], file: Path | None, schema: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters to start with; single ones win over the file's."""
    params = read_params_file(file) if file else {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadInput(f"--param {text}: no value", fix="Write it as --param name=value.")
        params[name] = _value(value, _types_of(schema, name))
    return params


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The options of a command that give the parameters of a run."""

    param: Param = None
    params_file: Annotated[
        Path | None, Parameter(help="A YAML or JSON file with parameters; --param wins over it.")
    ] = None

    @property
    def given(self) -> bool:
        """True if there is any."""
        return bool(self.param or self.params_file)

    def build(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, typed by the schema of their workflow. Raises `BadInput`."""
        return build_params(self.param or (), self.params_file, schema)


PARAMS = Params()


def build_vars(given: Sequence[str]) -> dict[str, Any]:
    """Execution variables to begin with: JSON where it is JSON, else text."""
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadInput(f"--var {text}: no value", fix="Write it as --var name=value.")
        found[name] = _value(value, ())
    return found
