from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.embedded import ClusterFile
from support.cluster import dev_cluster
from support.command_line import Penstock


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def cluster(data_dir: Path) -> Iterator[ClusterFile]:
    with dev_cluster(data_dir) as found:
        yield found


@pytest.fixture
def penstock(cluster: ClusterFile) -> Penstock:
    return Penstock(cluster.gateway_url)
