"""A run that was given a name at its start is called by it ever after."""

import json
from pathlib import Path

import pytest

from penstock.embedded import ClusterFile
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: called
nodes:
  paid: {uses: wait@1, with: {signal: paid}}
  book: {needs: [paid], run: "return payload;"}
output: ${{ nodes.book.output }}
"""
NAME = "order 42/é"


@pytest.fixture(scope="module")
def run(cluster: ClusterFile, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an execution whose start chose a name; it waits for a signal."""
    path: Path = tmp_path_factory.mktemp("called") / "called.flow.yaml"
    path.write_text(FLOW, "utf-8")
    done = Penstock(cluster.gateway_url)("run", path, "--id", NAME, "--no-wait")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "command",
    [
        ("execution", "get", NAME),
        ("execution", "show", NAME, "--at", "1"),
        ("execution", "why", NAME),
        ("execution", "logs", NAME),
        ("execution", "children", NAME),
        ("execution", "effects", NAME),
        ("execution", "history", NAME),
        ("execution", "diff", NAME, f"name:{NAME}"),
        ("execution", "list", "--where", f'id:"{NAME}"'),
        ("task", "list", "--execution", NAME),
        ("debug", "attach", NAME),
        ("debug", "show", NAME),
        ("debug", "detach", NAME),
        ("execution", "pause", NAME),
        ("execution", "resume", NAME),
        ("operation", "start", "pause", "--id", NAME, "--dry-run"),
    ],
    ids=" ".join,
)
def test_a_command_takes_the_name_for_the_id(
    command: tuple[str, ...], run: str, penstock: Penstock
):
    done = penstock(*command)
    assert done.returncode == 0, done.stderr


def test_a_named_run_is_found_signalled_and_watched_to_its_end(run: str, penstock: Penstock):
    found = json.loads(penstock("execution", "get", NAME, "-o", "json").stdout)
    assert found["id"] == run
    page = json.loads(penstock("execution", "list", "--where", f'id:"{NAME}"', "-o", "json").stdout)
    assert [each["id"] for each in page["items"]] == [run]
    assert penstock("execution", "signal", NAME, "paid", "--payload", "7").returncode == 0
    assert penstock("execution", "watch", NAME).stdout == "7\n"


def test_a_name_that_no_start_chose_is_told_as_it_was_written(penstock: Penstock):
    done = penstock("execution", "get", "order-41")
    assert done.returncode == 4, done.stderr
    assert "There is no execution 'order-41'" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("dead-letter", "get", "order-41"),
        ("dead-letter", "retry", "order-41"),
        ("dead-letter", "discard", "order-41"),
        ("limit", "release", "order-41"),
    ],
    ids=" ".join,
)
def test_whatever_is_not_there_is_told_by_its_name(command: tuple[str, ...], penstock: Penstock):
    done = penstock(*command)
    assert done.returncode == 4, done.stderr
    assert "'order-41'" in done.stderr


def test_an_empty_name_is_refused_and_not_left_out(penstock: Penstock, tmp_path: Path):
    path = tmp_path / "called.flow.yaml"
    path.write_text(FLOW, "utf-8")
    for option in ("--id", "--key"):
        done = penstock("run", path, option, "", "--no-wait")
        assert done.returncode == 2
        assert f"{option} is empty" in done.stderr


def test_a_start_that_was_made_before_is_told_as_such(penstock: Penstock, tmp_path: Path):
    path = tmp_path / "called.flow.yaml"
    path.write_text(FLOW, "utf-8")
    first = penstock("run", path, "--id", "told twice", "--no-wait")
    again = penstock("run", path, "--id", "told twice", "--no-wait")
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stdout == again.stdout
    assert "made before" not in first.stderr
    assert "made before" in again.stderr
    assert penstock("execution", "cancel", "told twice").returncode == 0


def test_a_name_that_cannot_be_is_refused_as_the_option_it_was_given_by(
    penstock: Penstock, tmp_path: Path
):
    path = tmp_path / "called.flow.yaml"
    path.write_text(FLOW, "utf-8")
    done = penstock("run", path, "--id", "x" * 300, "--no-wait")
    assert done.returncode == 2
    assert "`id` cannot be" in done.stderr
    assert "execution_id" not in done.stderr
    both = penstock("run", path, "--id", "a", "--key", "b", "--no-wait")
    assert both.returncode == 2
    assert "`id` is given together with an idempotency key" in both.stderr
