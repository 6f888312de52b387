"""A cluster of its own for every test that breaks one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.embedded import ClusterFile
from support.cluster import dev_cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterFile]:
    with dev_cluster(tmp_path / "cluster") as found:
        yield found
