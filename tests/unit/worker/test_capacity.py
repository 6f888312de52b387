"""What a worker says that it offers."""

import pytest

from penstock.worker.capacity import check_resources, labels_of, machine_resources, resources_of

MACHINE = {"cpu": 4.0, "memory": 8192.0}


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("auto", MACHINE),
        ("", {}),
        ("auto, gpu=2", {**MACHINE, "gpu": 2.0}),
        ("auto,cpu=1.5", {"cpu": 1.5, "memory": 8192.0}),
        ("cpu=2,memory=512", {"cpu": 2.0, "memory": 512.0}),
    ],
)
def test_resources_are_those_of_the_machine_and_those_that_are_named(text, offered):
    assert resources_of(text, MACHINE) == offered


@pytest.mark.parametrize("text", ["all", "gpu", "gpu=", "gpu=-1", "gpu=nan", "GPU=1", "a=1,a=2"])
def test_resources_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match=r"give|resource"):
        check_resources(text)


def test_labels_are_names_with_values():
    assert labels_of("region=eu, disk=ssd") == {"region": "eu", "disk": "ssd"}
    assert labels_of("") == {}


@pytest.mark.parametrize("text", ["region", "region=", "=eu", "re gion=eu", "a=b,a=c"])
def test_labels_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match=r"give|labels"):
        labels_of(text)


def test_a_containers_limits_are_what_the_machine_has(tmp_path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(str(64 * 1024 * 1024))
    assert machine_resources(tmp_path) == {"cpu": 0.5, "memory": 64.0}


def test_a_machine_without_limits_has_what_it_has(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    found = machine_resources(tmp_path)
    assert found["cpu"] >= 1
    assert found["memory"] > 64
