"""Paths that flows name, kept inside the folders the server allows."""

from collections.abc import Sequence
from pathlib import Path

from penstock.nodes.api import NodeFailure


def allowed_path(given: str, roots: Sequence[str]) -> Path:
    """The file that `given` means, links resolved. A relative path is looked for in each root.

    The file need not exist; then a relative path means the first root. Raises PATH_DENIED.
    """
    folders = [Path(root).resolve() for root in roots]
    path = Path(given)
    found = [path.resolve()] if path.is_absolute() else [(one / path).resolve() for one in folders]
    inside = [one for one in found if any(one.is_relative_to(folder) for folder in folders)]
    if not inside or "\0" in given:
        raise NodeFailure(
            "user",
            "PATH_DENIED",
            f"{given} is not inside a folder that this server lets flows use",
        )
    return next((one for one in inside if one.exists()), inside[0])
