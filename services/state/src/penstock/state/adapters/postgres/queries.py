"""Named SQL: each file under `sql/` holds statements, each introduced by `-- name: <name>`."""

import re
from collections.abc import Mapping
from importlib import resources

_MARK = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def split_statements(text: str) -> dict[str, str]:
    """The statements of one file by name. Raises ValueError on text before the first name or a
    repeated name."""
    parts = _MARK.split(text)
    if parts[0].strip():
        raise ValueError(f"SQL before the first name: {parts[0].strip()[:60]!r}")
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a name is used twice: {sorted(names)}")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


def load_statements(area: str) -> Mapping[str, str]:
    """The statements of `sql/<area>.sql`."""
    folder = resources.files("penstock.state.adapters.postgres") / "sql"
    return split_statements((folder / f"{area}.sql").read_text())
