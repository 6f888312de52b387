"""Finding executions, and dealing with those that failed, as users do."""

import json
from pathlib import Path

import pytest

from support.command_line import Penstock

pytestmark = pytest.mark.e2e

SHIPPING = """\
flow: 1
id: shipping
params:
  customer: {type: string, search: true}
  weight: {type: number, search: true}
  note: {type: string, default: ""}
nodes:
  look: {uses: set@1, with: {value: "${{ params.weight }}"}}
  ship:
    needs: [look]
    run: |
      if (input.look > 100) throw new Error("too heavy");
      return "shipped";
"""


@pytest.fixture(scope="module")
def shipping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flows") / "shipping.flow.yaml"
    path.write_text(SHIPPING, "utf-8")
    return path


def ship(penstock: Penstock, flow: Path, customer: str, weight: float, *tags: str) -> str:
    more = [word for tag in tags for word in ("--tag", tag)]
    params = ["-p", f"customer={customer}", "-p", f"weight={weight}"]
    done = penstock("run", flow, "--no-wait", *params, *more)
    assert done.returncode == 0, done.stderr
    execution = done.stdout.strip()
    penstock("execution", "watch", execution)
    return execution


def found(penstock: Penstock, where: str, *more: str) -> list[str]:
    done = penstock("execution", "list", "--where", where, "-o", "json", *more)
    assert done.returncode == 0, done.stderr
    return [item["id"] for item in json.loads(done.stdout)["items"]]


def test_executions_are_found_by_what_their_parameters_and_labels_say(
    penstock: Penstock, shipping: Path
):
    first = ship(penstock, shipping, "acme", 5, "eu", "vip")
    second = ship(penstock, shipping, "acme", 500, "eu")
    third = ship(penstock, shipping, "omni co", 5)
    mine = "workflow:shipping params.customer:acme"
    assert found(penstock, mine) == [second, first]
    assert found(penstock, mine, "--order", "oldest") == [first, second]
    assert found(penstock, f"{mine} tag:eu tag:vip") == [first]
    assert found(penstock, "workflow:shipping tag:eu status:failed started>-1h") == [second]
    assert found(penstock, "workflow:shipping failed_node:ship params.weight:500.0") == [second]
    assert found(penstock, 'params.customer:"omni co"') == [third]
    counted = penstock("execution", "count", "--where", "workflow:shipping")
    assert counted.stdout.strip() == "3"


def test_a_query_that_makes_no_sense_is_told_what_is_wrong(penstock: Penstock, shipping: Path):
    penstock("workflow", "apply", shipping)
    done = penstock("execution", "list", "--where", "statsu:failed workflow:")
    assert done.returncode == 2
    assert 'did you mean "status"?' in done.stderr
    assert "A value is missing here." in done.stderr
    unsearched = penstock("execution", "list", "--where", "workflow:shipping params.note:x")
    assert "`search: true`" in unsearched.stderr


def test_a_dead_letter_is_looked_at_mended_and_retried_once(penstock: Penstock, shipping: Path):
    dead = ship(penstock, shipping, "heavy", 101)
    listed = penstock("dead-letter", "list", "--where", "params.customer:heavy")
    assert dead in listed.stdout
    assert "SCRIPT_ERROR" in listed.stdout
    shown = json.loads(penstock("dead-letter", "get", dead, "-o", "json").stdout)
    assert shown["failed"]["id"] == "ship"
    assert shown["failed"]["input"] == {"look": 101}
    assert shown["execution"]["params"]["weight"] == 101
    again = [penstock("dead-letter", "retry", dead) for _ in range(2)]
    answers = {done.stdout.split()[0] for done in again}
    assert len(answers) == 1
    assert "it was retried before" in again[1].stdout
    again_dead = answers.pop()
    assert penstock("execution", "watch", again_dead).returncode == 1
    picture = json.loads(penstock("execution", "get", again_dead, "-o", "json").stdout)
    assert picture["failed_node"] == "ship"
    mended = penstock("dead-letter", "retry", again_dead, "-p", "weight=7", "--from-start")
    assert json.loads(penstock("execution", "watch", mended.stdout.split()[0]).stdout) == "shipped"
    assert dead not in penstock("dead-letter", "list").stdout
    for others in (["-p", "weight=8"], ["--from-start"]):
        other = penstock("dead-letter", "retry", dead, *others)
        assert other.returncode == 5
        assert f"it was retried as {again_dead} with other parameters" in other.stderr
    repeated = penstock("dead-letter", "retry", again_dead, "-p", "weight=7", "--from-start")
    assert repeated.stdout.split()[0] == mended.stdout.split()[0]
    from_node = penstock("dead-letter", "retry", again_dead)
    assert f"it was retried as {mended.stdout.split()[0]}" in from_node.stderr


def test_a_dead_letter_is_retried_with_another_input_of_the_failed_node(
    penstock: Penstock, shipping: Path
):
    dead = ship(penstock, shipping, "input", 103)
    both = penstock("dead-letter", "retry", dead, "--input", '{"look": 5}', "--from-start")
    assert "an input is for the failed node" in both.stderr
    stranger = penstock("dead-letter", "retry", dead, "--input", '{"lok": 5}')
    assert "no parent of ship" in stranger.stderr
    assert "not JSON" in penstock("dead-letter", "retry", dead, "--input", "{look").stderr
    mended = penstock("dead-letter", "retry", dead, "--input", '{"look": 5}')
    again = mended.stdout.split()[0]
    assert json.loads(penstock("execution", "watch", again).stdout) == "shipped"
    picture = json.loads(penstock("execution", "get", again, "-o", "json").stdout)
    assert {node["id"]: node.get("carried", False) for node in picture["nodes"]}["look"]
    other = penstock("dead-letter", "retry", dead, "--input", '{"look": 6}')
    assert f"it was retried as {again} with other parameters" in other.stderr


def test_a_dead_letter_is_discarded_and_restored(penstock: Penstock, shipping: Path):
    dead = ship(penstock, shipping, "lost", 102)
    where = ("--where", "params.customer:lost")
    assert "discarded" in penstock("dead-letter", "discard", dead, "--reason", "known").stdout
    assert dead not in penstock("dead-letter", "list", *where).stdout
    assert dead in penstock("dead-letter", "list", *where, "--state", "discarded").stdout
    assert "Restore it first." in penstock("dead-letter", "retry", dead).stderr
    assert "open" in penstock("dead-letter", "restore", dead).stdout
    assert dead in penstock("dead-letter", "list", *where).stdout
    anew = penstock("dead-letter", "retry", dead, "-p", "weight=9", "--from-start").stdout.split()[
        0
    ]
    assert json.loads(penstock("execution", "watch", anew).stdout) == "shipped"
    fine = ship(penstock, shipping, "fine", 1)
    assert "no dead letter" in penstock("dead-letter", "discard", fine).stderr


def test_one_thing_is_done_to_all_that_a_query_finds(penstock: Penstock, shipping: Path):
    dead = {ship(penstock, shipping, "many", 200 + n) for n in range(3)}
    where = ("--where", "params.customer:many dead_letter:open")
    told = penstock("operation", "start", "discard", *where, "--dry-run")
    assert told.stdout.splitlines()[0] == "would discard 3 executions"
    assert {line.strip() for line in told.stdout.splitlines()[1:]} == dead
    done = penstock("operation", "start", "discard", *where, "--reason", "all of them")
    assert done.returncode == 0, done.stderr
    assert "completed: 3 done, 0 skipped, 0 failed of 3" in done.stdout
    assert found(penstock, "params.customer:many dead_letter:open") == []
    again = penstock("operation", "start", "cancel", "--where", "params.customer:many")
    assert "0 done, 3 skipped" in again.stdout
    operation = again.stdout.split()[1]
    assert operation in penstock("operation", "list").stdout
    gone = penstock("operation", "start", "delete", "--where", "params.customer:many")
    assert "3 done" in gone.stdout
    assert found(penstock, "params.customer:many") == []
    one = ship(penstock, shipping, "single", 1)
    assert "deleted" in penstock("execution", "delete", one).stdout
    assert "no execution" in penstock("execution", "get", one).stderr
    bad = penstock("operation", "start", "cancel", "--where", "statsu:failed")
    assert 'did you mean "status"?' in bad.stderr
