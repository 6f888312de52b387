import pytest

from penstock.embedded.errors import ClusterError
from penstock.embedded.services import service_names
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
