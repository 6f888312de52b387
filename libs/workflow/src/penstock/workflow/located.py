"""A value of a file together with where it stands."""

from typing import Any

import msgspec

from penstock.workflow.issues import Place


class Located(msgspec.Struct, frozen=True, gc=False):
    """One value: `data` is the plain JSON value, `items` and `elements` the located children of a
    mapping or list.

    `keys` holds line and column of each key of a mapping. `style` is the quoting of a text: ""
    plain, `'`, `"`, `|`, `>`. `weight` is roughly the characters it expands to, aliases followed.
    """

    data: Any
    line: int
    column: int
    weight: int
    items: dict[str, "Located"] | None = None
    elements: list["Located"] | None = None
    keys: dict[str, tuple[int, int]] | None = None
    style: str = ""

    def place(self, path: str) -> Place:
        """Where the value stands."""
        return Place(self.line, self.column, path)

    def key_place(self, key: str, path: str) -> Place:
        """Where a key of this mapping stands; `path` is that of the mapping."""
        line, column = (self.keys or {}).get(key, (self.line, self.column))
        return Place(line, column, join_path(path, key))

    def child(self, step: str | int) -> "Located | None":
        """The value under a key or a position."""
        if isinstance(step, int):
            return self.elements[step] if self.elements and step < len(self.elements) else None
        return (self.items or {}).get(step)

    @property
    def kind(self) -> str:
        """The sort of value, as people say it."""
        if self.items is not None:
            return "a mapping"
        if self.elements is not None:
            return "a list"
        return kind_of(self.data)


def kind_of(value: object) -> str:
    """The sort of a plain value, as people say it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 40 else "a text"
    return "a list" if isinstance(value, list) else "a mapping"


def join_path(path: str, key: str | int) -> str:
    """The path of a child: `a.b`, `a[0]`, or `a["x y"]` for keys that are not simple."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key.replace("-", "_").replace("$", "_").isidentifier():
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'
