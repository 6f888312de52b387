import fcntl
from pathlib import Path

from penstock.embedded.cluster_file import (
    LOCK,
    ClusterFile,
    ProcessIdentity,
    find_live_cluster,
    read_cluster_file,
    write_cluster_file,
)

OWNER = ProcessIdentity(1, 2.0)


def test_what_is_written_is_read_back(tmp_path: Path):
    contents = ClusterFile(OWNER, gateway_url="http://x", ports={"nats": 1}, ready=True)
    write_cluster_file(tmp_path, contents)
    assert read_cluster_file(tmp_path) == contents


def test_only_the_owner_may_read_the_passwords(tmp_path: Path):
    write_cluster_file(tmp_path, ClusterFile(OWNER))
    assert (tmp_path / "cluster.json").stat().st_mode & 0o077 == 0


def test_a_missing_or_broken_file_is_no_cluster(tmp_path: Path):
    assert read_cluster_file(tmp_path) is None
    (tmp_path / "cluster.json").write_text("{")
    assert find_live_cluster(tmp_path) is None


def test_a_cluster_lives_while_its_lock_is_held(tmp_path: Path):
    write_cluster_file(tmp_path, ClusterFile(OWNER, ready=True))
    with (tmp_path / LOCK).open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert find_live_cluster(tmp_path) is not None
    assert find_live_cluster(tmp_path) is None


def test_a_cluster_that_is_starting_is_not_there_yet(tmp_path: Path):
    write_cluster_file(tmp_path, ClusterFile(OWNER, ready=False))
    with (tmp_path / LOCK).open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert find_live_cluster(tmp_path) is None
