"""Clusters come and go without leaving anything behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from penstock.embedded import ClusterFile, read_cluster_file
from support.cluster import dev_cluster
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

ROLES = {"postgres", "nats", "state", "sandbox", "coordinator", "worker", "gateway"}


def processes_of(data_dir: Path) -> dict[str, psutil.Process]:
    file = read_cluster_file(data_dir)
    assert file is not None
    found = {}
    for name, identity in file.processes.items():
        if psutil.pid_exists(identity.pid):
            found[name] = psutil.Process(identity.pid)
    return found


def test_a_local_run_starts_a_cluster_and_leaves_nothing(tmp_path: Path):
    run = ("run", "--local", "--data-dir", tmp_path, "examples/hello.flow.yaml", "--no-watch")
    done = Penstock()(*run)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["quiet"] == "Hello, world!"
    file = read_cluster_file(tmp_path)
    assert file is not None
    assert (file.ready, file.processes) == (False, {})
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie to the parent is Linux's")
def test_a_killed_cluster_leaves_no_process_and_keeps_its_data(tmp_path: Path):
    dev = Penstock().start("dev", "--data-dir", tmp_path, "--port", "0")
    assert dev.stderr is not None
    assert any("is up" in line for line in dev.stderr)
    file = read_cluster_file(tmp_path)
    assert file is not None
    penstock = Penstock(file.gateway_url)
    run = penstock("run", "examples/hello.flow.yaml", "--no-wait").stdout.strip()
    assert penstock("execution", "watch", run).returncode == 0
    running = processes_of(tmp_path)
    assert running.keys() == ROLES
    dev.kill()
    dev.communicate()
    assert psutil.wait_procs(running.values(), timeout=20)[1] == []

    with dev_cluster(tmp_path, stop=signal.SIGTERM) as file:
        again = Penstock(file.gateway_url)("execution", "get", run, "-o", "json")
        assert json.loads(again.stdout)["status"] == "COMPLETED"
        running = processes_of(tmp_path)
    assert psutil.wait_procs(running.values(), timeout=30)[1] == []


def test_a_data_directory_serves_one_cluster_at_a_time(cluster: ClusterFile, data_dir: Path):
    second = Penstock()("dev", "--data-dir", data_dir, "--port", "0")
    assert second.returncode == 3
    assert "already runs" in second.stderr
    assert str(cluster.owner.pid) in second.stderr


def test_a_taken_port_is_named(cluster: ClusterFile, tmp_path: Path):
    port = cluster.gateway_url.rpartition(":")[2]
    second = Penstock()("dev", "--data-dir", tmp_path, "--port", port)
    assert second.returncode == 3
    assert f"port {port} is taken" in second.stderr


def test_a_settings_fault_ends_the_start_and_shows_the_log(tmp_path: Path):
    environment = {**Penstock().environment, "PENSTOCK_WORKER_CREDITS": "many"}
    done = subprocess.run(
        [Path(sys.executable).with_name("penstock"), "dev", "--data-dir", tmp_path, "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "worker does not start" in done.stderr
    assert "PENSTOCK_WORKER_CREDITS" in done.stderr
