"""The parts of configuration that the database node types share."""

from typing import Any

URL: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "description": "postgresql://... or sqlite:///path (a fourth slash makes the path absolute)",
}
SQL: dict[str, Any] = {"type": "string", "minLength": 1}
ARGS: dict[str, Any] = {"type": ["array", "string"]}
