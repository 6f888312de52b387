"""Settings: one frozen dataclass per service, read from TOML and the environment, all errors told
at once.

A field `listen` of the role `state` comes from `PENSTOCK_STATE_LISTEN`, or from the file named by
`PENSTOCK_STATE_LISTEN_FILE` (for secrets), or from the key `listen` of the table `[state]` in the
TOML file named by
`PENSTOCK_CONFIG`, or from its default; the first that is there wins.
"""

import dataclasses
import difflib
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

SettingsT = TypeVar("SettingsT")

LOG_LEVELS = ("debug", "info", "warning", "error")

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class BadSettings(Exception):
    """The settings cannot be used; the text lists everything that is wrong and what would be
    right."""


def setting(
    default: Any,
    meaning: str,
    *,
    secret: bool = False,
    choices: Sequence[str] = (),
    check: Callable[[Any], object] | None = None,
) -> Any:
    """A field of a settings dataclass: its default, what it means, whether its value must not be
    shown, the only values it can have, and a function that reads the value and raises `ValueError`
    with what would be right."""
    metadata = {"help": meaning, "secret": secret, "choices": tuple(choices), "check": check}
    return dataclasses.field(default=default, metadata=metadata)


def pairs_of(text: str) -> dict[str, str]:
    """A text such as `a=1, b=2` taken apart. Raises `ValueError` with what would be right."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value) or name in found:
            raise ValueError("give name=value, comma-separated, each name once")
        found[name] = value
    return found


def numbers_of(text: str) -> dict[str, float]:
    """The same where values are numbers above 0. Raises `ValueError` with what would be right."""
    found: dict[str, float] = {}
    for name, value in pairs_of(text).items():
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = 0.0
        if not 0 < found[name] < float("inf"):
            raise ValueError(f"give a number above 0 for {name}")
    return found


@dataclasses.dataclass(frozen=True)
class ServiceSettings:
    """What every service can be told."""

    listen: str = setting("127.0.0.1:0", "Address to serve on, host:port; port 0 takes a free one")
    log_level: str = setting("info", "debug, info, warning or error", choices=LOG_LEVELS)
    metrics_listen: str = setting("", "Address for Prometheus metrics, host:port; empty for none")


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


_WANTED = {int: "a whole number", float: "a number", bool: "true or false"}
_ADDRESS = re.compile(r"\S+:\d{1,5}")
_PARSERS: Mapping[type, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _boolean}


def _value_of(field: "dataclasses.Field[Any]", kind: type, raw: Any) -> Any:
    """The value that a text or a TOML value stands for. Raises `ValueError` with what would be
    right."""
    try:
        value = _PARSERS[kind](str(raw))
    except ValueError as error:
        raise ValueError(f"give {_WANTED[kind]}") from error
    choices = field.metadata["choices"]
    if choices and value not in choices:
        raise ValueError(f"give {' or '.join(choices)}")
    if kind in (int, float) and value < 0:
        raise ValueError("give 0 or more")
    optional = value == field.default == ""
    if field.name.endswith("listen") and not optional and not _ADDRESS.fullmatch(value):
        raise ValueError("give host:port, such as 127.0.0.1:0")
    if field.metadata["check"] is not None:
        field.metadata["check"](value)
    return value


class _Reader:
    """Collects values and complaints for one settings class."""

    def __init__(self, role: str, environment: Mapping[str, str]) -> None:
        self.prefix = f"PENSTOCK_{role.upper()}_"
        self.role = role
        self.environment = environment
        self.complaints: list[str] = []
        self.origins: dict[str, str] = {}

    def table(self) -> Mapping[str, Any]:
        """The role's table of the TOML file, if one is named."""
        path = self.environment.get("PENSTOCK_CONFIG")
        if not path:
            return {}
        try:
            return dict(tomllib.loads(Path(path).read_text()).get(self.role, {}))
        except (OSError, tomllib.TOMLDecodeError) as error:
            self.complaints.append(f"PENSTOCK_CONFIG={path}: {error}")
            return {}

    def raw(self, name: str, table: Mapping[str, Any]) -> tuple[str, Any] | None:
        """Where a field's value comes from, and the value; None for the default."""
        variable = self.prefix + name.upper()
        if variable in self.environment:
            return variable, self.environment[variable]
        if file := self.environment.get(f"{variable}_FILE"):
            try:
                return f"{variable}_FILE", Path(file).read_text().strip()
            except OSError as error:
                self.complaints.append(f"{variable}_FILE={file}: {error}")
        if name in table:
            return f"[{self.role}] {name}", table[name]
        return None

    def _variable_like(self, shown: str, name: str) -> str:
        """The name of a setting in the form in which a wrong one was given."""
        return name if shown.startswith("[") else self.prefix + name.upper()

    def refuse_unknown(self, names: Sequence[str], table: Mapping[str, Any]) -> None:
        """Complain about keys nobody reads, with the nearest name that exists."""
        given = {
            k.removeprefix(self.prefix).removesuffix("_FILE").lower(): k
            for k in self.environment
            if k.startswith(self.prefix)
        }
        given |= {key: f"[{self.role}] {key}" for key in table}
        for key, shown in given.items():
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                if near:
                    hint = f"did you mean {self._variable_like(shown, near[0])}?"
                else:
                    hint = f"known: {', '.join(names)}"
                self.complaints.append(f"{shown}: there is no such setting; {hint}")


def read_settings(
    cls: type[SettingsT], role: str, environment: Mapping[str, str]
) -> tuple[SettingsT, dict[str, str]]:
    """Read `cls` for `role`; return it with the origin of each value. Raises `BadSettings` with
    every complaint."""
    reader = _Reader(role, environment)
    table = reader.table()
    types = get_type_hints(cls)
    values: dict[str, Any] = {}
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    reader.refuse_unknown([f.name for f in fields], table)
    for field in fields:
        found = reader.raw(field.name, table)
        reader.origins[field.name] = found[0] if found else "default"
        if found is None:
            continue
        origin, raw = found
        try:
            values[field.name] = _value_of(field, types[field.name], raw)
        except ValueError as error:
            shown = "***" if field.metadata["secret"] else repr(raw)
            reader.complaints.append(f"{origin}={shown}: {error}")
    if reader.complaints:
        raise BadSettings("\n".join(reader.complaints))
    return cls(**values), reader.origins


def describe(cls: type[Any], role: str) -> str:
    """A table of all settings for `--help` and the service's README."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(cls):
        shown = f"`{field.default}`" if str(field.default) else ""
        variable = f"PENSTOCK_{role.upper()}_{field.name.upper()}"
        rows.append(f"| `{variable}` | {shown} | {field.metadata['help']} |")
    return "\n".join(rows)


def load_settings(
    cls: type[SettingsT],
    role: str,
    argv: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> SettingsT:
    """Settings of this process. Answers `--help` and `--print-settings` and leaves; bad settings
    and arguments that nobody reads end it with code 2."""
    arguments = sys.argv[1:] if argv is None else argv
    write = sys.stdout.write
    if "--help" in arguments or "-h" in arguments:
        write(f"penstock-{role}: settings come from the environment.\n\n{describe(cls, role)}\n")
        raise SystemExit(0)
    if unknown := [argument for argument in arguments if argument != "--print-settings"]:
        sys.stderr.write(
            f"penstock-{role}: unknown argument {unknown[0]}; there are --help and "
            "--print-settings, and settings come from the environment\n"
        )
        raise SystemExit(2)
    try:
        settings, origins = read_settings(cls, role, os.environ if env is None else env)
    except BadSettings as error:
        sys.stderr.write(f"penstock-{role}: the settings cannot be used:\n{error}\n")
        raise SystemExit(2) from error
    if "--print-settings" in arguments:
        for field in dataclasses.fields(settings):  # type: ignore[arg-type]
            value = "***" if field.metadata["secret"] else getattr(settings, field.name)
            write(f"{field.name} = {value!r}  ({origins[field.name]})\n")
        raise SystemExit(0)
    return settings
