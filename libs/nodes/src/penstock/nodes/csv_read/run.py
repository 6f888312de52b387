"""`csv.read@1`: reads and encodes in a thread, so that a large file holds nobody up."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from penstock.nodes.api import Done, NodeCall, NodeFailure
from penstock.nodes.csv_read.table import read_table
from penstock.nodes.files import allowed_path


def _rows_json(path: Path, config: Mapping[str, Any], rows_max: int) -> bytes:
    encoding = config.get("encoding", "utf-8-sig")
    try:
        with path.open(encoding=encoding, newline="") as lines:
            return msgspec.json.encode(read_table(lines, config, rows_max))
    except FileNotFoundError:
        raise NodeFailure("user", "NO_SUCH_FILE", f"there is no file {path}") from None
    except (LookupError, UnicodeDecodeError) as error:
        raise NodeFailure("user", "BAD_CSV", f"{path.name}: {error}") from None
    except OSError as error:
        raise NodeFailure("permanent", "CANNOT_READ", f"{path}: {error.strerror}") from None


async def run(call: NodeCall) -> Done:
    """Give the rows."""
    path = allowed_path(str(call.config["path"]), call.environment.data_roots)
    rows_max = call.environment.rows_max
    return Done(msgspec.Raw(await asyncio.to_thread(_rows_json, path, call.config, rows_max)))
