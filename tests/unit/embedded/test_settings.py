from pathlib import Path

import pytest

from penstock.embedded.errors import ClusterError
from penstock.embedded.services import Backing, service_names, service_program
from penstock.embedded.settings import ClusterSettings, backends_from_environment

POSTGRES = {"PENSTOCK_STATE_DATABASE_URL": "postgresql://db/penstock"}
NATS = {"PENSTOCK_STATE_NATS_URL": "nats://bus:4222"}


def test_servers_that_are_named_are_not_started():
    assert backends_from_environment(POSTGRES) == ("postgresql://db/penstock", "")
    assert backends_from_environment({}) == ("", "")


def test_external_backends_must_all_be_named():
    with pytest.raises(ClusterError, match="needs the addresses"):
        backends_from_environment({"PENSTOCK_BACKENDS": "external", **POSTGRES})
    both = {"PENSTOCK_BACKENDS": "external", **POSTGRES, **NATS}
    assert all(backends_from_environment(both))


def test_an_unknown_choice_is_refused():
    with pytest.raises(ClusterError, match="not a choice"):
        backends_from_environment({"PENSTOCK_BACKENDS": "magic"})


def test_further_instances_are_numbered():
    names = service_names(ClusterSettings(workers=3, coordinators=2))
    assert [n for n, role in names.items() if role == "worker"] == [
        "worker",
        "worker-2",
        "worker-3",
    ]
    assert names["coordinator-2"] == "coordinator"


def test_processes_spread_over_the_states():
    settings = ClusterSettings(states=2, coordinators=3)
    ports = {name: 7000 + n for n, name in enumerate(service_names(settings))}
    backing = Backing("postgresql://", "nats://", "memory:///", Path("files"))

    def first_state(name: str) -> str:
        program = service_program(name, ports, backing, settings, Path("log"))
        known = program.environment["PENSTOCK_COORDINATOR_STATE_ADDRESS"]
        assert sorted(known.split(",")) == ["127.0.0.1:7000", "127.0.0.1:7001"]
        return known.partition(",")[0]

    found = [first_state(name) for name in ("coordinator", "coordinator-2", "coordinator-3")]
    assert found == ["127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7000"]


@pytest.mark.parametrize("counts", [{"states": 0}, {"workers": -1}, {"coordinators": 99}])
def test_a_number_of_processes_that_cannot_be_is_refused(counts):
    with pytest.raises(ClusterError, match="not a number of processes"):
        ClusterSettings(**counts)
