"""Paths that flows name, kept inside the folders the server allows."""

from collections.abc import Sequence
from pathlib import Path

from penstock.nodes.api import NodeFailure


def _is_within(path: Path, folder: Path) -> bool:
    """True if the path is below the folder and not hidden there: names that begin with a dot hold
    keys, histories and an embedded cluster's own data."""
    if not path.is_relative_to(folder):
        return False
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def allowed_path(given: str, roots: Sequence[str]) -> Path:
    """The file that `given` means, links resolved. A relative path is looked for in each root.

    The file need not exist; then a relative path means the first root. Hidden files and folders
    are denied unless a root is inside them. Raises PATH_DENIED.
    """
    if "\0" in given:
        raise NodeFailure("user", "PATH_DENIED", "a path cannot hold the character U+0000")
    folders = [Path(root).resolve() for root in roots]
    path = Path(given)
    found = [path.resolve()] if path.is_absolute() else [(one / path).resolve() for one in folders]
    inside = [one for one in found if any(_is_within(one, folder) for folder in folders)]
    if not inside:
        raise NodeFailure(
            "user",
            "PATH_DENIED",
            f"{given} is not inside a folder that this server lets flows use",
        )
    return next((one for one in inside if one.exists()), inside[0])
