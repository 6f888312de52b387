"""`penstock schedule`, as the guide shows it."""

import json
import re
import shlex

import pytest

from support.command_line import ROOT, Penstock

pytestmark = pytest.mark.e2e

GUIDE = (ROOT / "docs/guides/schedules.md").read_text("utf-8")
FLOW = next(iter(re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.M | re.S)))
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S)
    for line in block.splitlines()
]


@pytest.fixture
def applied(penstock: Penstock, tmp_path):
    flow = tmp_path / "report.flow.yaml"
    flow.write_text(FLOW, "utf-8")
    assert penstock("workflow", "apply", flow).returncode == 0
    return penstock


def test_the_commands_of_the_guide_do_what_it_says(applied: Penstock):
    said = {}
    for command in COMMANDS:
        done = applied(*command)
        assert done.returncode == 0, (command, done.stderr)
        said[command[1]] = done.stdout
    assert "price-report-morning" in said["list"]
    assert said["pause"] == "It is paused and fires no slot: stocktaking.\n"
    assert said["resume"].startswith("It fires next at ")
    assert len(said["next"].splitlines()) == 3
    assert all(re.search(r"T09:00:00-0[45]:00$", slot) for slot in said["next"].splitlines())
    assert applied("execution", "get", said["trigger"].strip()).returncode == 0
    assert said["remove"] == "nine removed\n"
    assert applied("schedule", "show", "nine").returncode == 4


def test_schedules_of_the_file_are_there_and_tell_programs_everything(applied: Penstock):
    found = json.loads(applied("schedule", "show", "price-report-morning", "-o", "json").stdout)
    assert (found["timezone"], found["overlap"], found["params"]) == (
        "Europe/Madrid",
        "skip",
        {"region": "eu"},
    )
    assert found["from_file"]
    shown = applied("schedule", "show", "schedule:price-report:*/5 * * * *")
    assert "It fires next at" in shown.stdout


def test_a_schedule_has_a_window_and_a_priority(applied: Penstock):
    window = ("--start-at", "2030-01-01T00:00:00Z", "--end-at", "2030-01-01T02:00:00Z")
    more = ("--priority", "7", "--catch-up-window-s", "600", "-o", "json")
    done = applied("schedule", "set", "price-report", "@hourly", "--id", "bounded", *window, *more)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["priority"], made["catch_up_window_s"]) == (7, 600)
    assert made["start_at"].startswith("2030-01-01T00:00:00")
    assert made["end_at"].startswith("2030-01-01T02:00:00")
    assert all(slot.startswith("2030-01-01T0") for slot in made["next_slots"])
    assert applied("schedule", "set", "price-report", "@hourly", "--priority", "12").returncode == 2
    wrong = applied("schedule", "set", "price-report", "@hourly", "--start-at", "soon")
    assert wrong.returncode == 2
    assert "'soon' is not an instant" in wrong.stderr
    assert applied("schedule", "remove", "bounded").returncode == 0


def test_a_wrong_expression_is_told_with_everything_that_is_wrong(applied: Penstock):
    done = applied("schedule", "set", "price-report", "61 25 * * *", "--timezone", "Mars")
    assert done.returncode == 2
    assert '"61" is not a minute' in done.stderr
    assert '"25" is not an hour' in done.stderr
    assert 'There is no time zone "Mars"' in done.stderr


def test_the_next_slots_of_an_expression_need_no_schedule(applied: Penstock):
    done = applied("schedule", "next", "@hourly", "--count", "2")
    assert len(done.stdout.splitlines()) == 2
