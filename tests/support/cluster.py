"""A cluster as users start it: `penstock dev` in a process of its own, found through
cluster.json."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.embedded import ClusterFile, find_live_cluster

PENSTOCK = Path(sys.executable).with_name("penstock")
STOP_S = 30


class ClusterDied(Exception):
    """`penstock dev` ended before it was ready; the text is what it printed."""


@contextmanager
def dev_cluster(
    data_dir: Path, *options: str, stop: signal.Signals = signal.SIGINT, **env: str
) -> Iterator[ClusterFile]:
    """Run `penstock dev` until the block ends; on `stop` it must end by itself with code 0.
    `options` are further ones of its command line."""
    process = subprocess.Popen(
        [PENSTOCK, "dev", "--data-dir", data_dir, "--port", "0", *options],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed: list[str] = []
    try:
        for line in process.stdout:
            printed.append(line)
            if found := find_live_cluster(data_dir):
                break
        else:
            raise ClusterDied("".join(printed))
        yield found
    finally:
        process.send_signal(stop)
        process.communicate(timeout=STOP_S)
    assert process.returncode == 0, "".join(printed)
