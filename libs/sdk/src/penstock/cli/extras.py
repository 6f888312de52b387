"""Parts of the command line that need more than the client: they are imported when used, so that
a plain `penstock` without extras still has every command and tells what is missing."""

import importlib
from types import ModuleType

from penstock.cli.problems import BadInput


def load_extra(module: str) -> ModuleType:
    """A module of the extra `embedded`. Raises `BadInput` if that is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BadInput(
            f"this needs {error.name}, which is not installed",
            fix="Install `penstock[embedded]`, or use a server that runs elsewhere (--url).",
        ) from error
