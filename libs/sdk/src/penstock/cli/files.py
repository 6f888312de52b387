"""Workflow files: reading and applying them."""

import importlib.util
import sys
from pathlib import Path

from penstock.cli.problems import BadInput, InvalidFile, error_console, print_issues
from penstock.sdk.client import Client
from penstock.sdk.errors import InvalidWorkflowError
from penstock.sdk.models import Applied


def read_source(path: Path) -> str:
    """Text of a workflow file; `-` is standard input."""
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}", fix="Check the path.") from error
    except IsADirectoryError as error:
        fix = f"Name the files in it, such as {path}/*.yaml."
        raise BadInput(f"{path} is a folder", fix=fix) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not a text in UTF-8", fix="Save it as UTF-8.") from error
    except OSError as error:
        told = error.strerror or error
        raise BadInput(f"{path} cannot be read: {told}", fix="Check the file.") from error


async def apply_source(client: Client, name: str, source: str) -> Applied:
    """Apply a file; its errors come back with their lines. Warnings are printed."""
    try:
        applied = await client.apply(source)
    except InvalidWorkflowError as error:
        raise InvalidFile(name, source, error.issues) from error
    print_issues(error_console(), name, source, applied.issues)
    return applied


def has_workflow_library() -> bool:
    """True if files can be checked without a server."""
    return all(importlib.util.find_spec(name) for name in ("penstock.workflow", "penstock.nodes"))
