import os
import signal
from pathlib import Path

import pytest

from penstock.embedded import read_cluster_file
from support.command_line import Penstock

pytestmark = pytest.mark.e2e


def test_a_watch_survives_the_death_of_the_gateway(
    penstock: Penstock, data_dir: Path, tmp_path: Path
):
    file = tmp_path / "two.flow.yaml"
    file.write_text(
        "flow: 1\nid: two\nnodes:\n"
        "  first: {run: return 1}\n"
        "  ask: {needs: [first], uses: wait@1, with: {signal: go}}\n"
        "  last: {needs: [ask], run: return 'done'}\n"
    )
    run = penstock("run", file, "--no-wait").stdout.strip()
    here = ("--data-dir", data_dir)
    watch = Penstock().start("execution", "watch", run, *here)
    assert watch.stderr is not None
    lines = [watch.stderr.readline()]
    now = read_cluster_file(data_dir)
    assert now is not None
    os.kill(now.processes["gateway"].pid, signal.SIGKILL)
    sent = Penstock()("execution", "signal", run, "go", *here)
    assert sent.returncode == 0, sent.stderr
    output, rest = watch.communicate(timeout=60)
    assert watch.returncode == 0, rest
    assert output == '"done"\n'
    lines += rest.splitlines()
    assert any("connection lost, trying again" in line for line in lines)
    assert any("connection is back" in line for line in lines)
    assert sum("last: completed" in line for line in lines) == 1
    assert sum("COMPLETED in" in line for line in lines) == 1
