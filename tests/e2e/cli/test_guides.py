"""Flows of the guides that need nothing outside give what the guides say."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stamina

from support.command_line import ROOT, Penstock

pytestmark = pytest.mark.e2e

FLOWS = {
    found: text
    for page in sorted((ROOT / "docs/guides").glob("*.md"))
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    for found in re.findall(r"^id: (.+)$", text, re.M)
}
RUNS: list[tuple[str, dict[str, Any], Any]] = [
    ("greet", {"name": "Ada"}, "HELLO ADAHELLO ADA"),
    ("triage", {"amount": 1001}, "a person looks at it"),
    ("triage", {"amount": 10}, "paid"),
    ("tidy", {}, "kept for a month"),
    ("parcels", {"customer": "acme"}, "packed for acme"),
    ("basket", {"prices": [10]}, {"total": 10, "rebate": 1}),
    ("basket", {"prices": [1, 2]}, {"total": 3, "rebate": 0}),
    (
        "totals",
        {"orders": [{"amount": 50}, {"amount": 200}, {"amount": 101.5}]},
        [{"place": 0, "total": 240}, {"place": 1, "total": 121.8}],
    ),
]


def until(found: Callable[[], list[Any]]) -> list[Any]:
    """What is found, once it is there."""
    for attempt in stamina.retry_context(on=LookupError, attempts=None, timeout=20.0):
        with attempt:
            if there := found():
                return there
            raise LookupError
    raise LookupError


def written(flow: str, folder: Path) -> Path:
    path = folder / f"{flow}.flow.yaml"
    path.write_text(FLOWS[flow], "utf-8")
    return path


@pytest.mark.parametrize(("flow", "params", "output"), RUNS)
def test_a_flow_gives_what_it_says(
    flow: str, params: dict[str, Any], output: Any, penstock: Penstock, tmp_path: Path
):
    values = tmp_path / "params.json"
    values.write_text(json.dumps(params), "utf-8")
    done = penstock("run", written(flow, tmp_path), "--params-file", values)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == output


def test_a_sub_workflow_runs_for_each_item(penstock: Penstock, tmp_path: Path):
    assert penstock("workflow", "apply", written("double", tmp_path)).returncode == 0
    done = penstock("run", written("double-all", tmp_path), "--output", "json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert run["output"] == 12
    listed = json.loads(penstock("execution", "children", run["id"], "-o", "json").stdout)
    assert [(one["node"], one["item"]) for one in listed["items"]] == [
        ("each", 0),
        ("each", 1),
        ("each", 2),
    ]
    assert {one["execution"]["workflow"] for one in listed["items"]} == {"double"}


def test_the_failure_node_runs_before_the_end(penstock: Penstock, tmp_path: Path):
    done = penstock("run", written("import-orders", tmp_path), "--output", "json")
    assert done.returncode == 1
    run = json.loads(done.stdout)
    assert (run["status"], run["failed_node"]) == ("FAILED", "check")
    nodes = {node["id"]: node for node in run["nodes"]}
    assert (nodes["tidy-up"]["status"], nodes["tidy-up"]["output"]) == ("COMPLETED", ["load"])
    assert "too few rows" in nodes["tidy-up"]["logs"][0]["message"]


def test_a_failure_flow_is_started_with_what_happened(penstock: Penstock, tmp_path: Path):
    assert penstock("workflow", "apply", written("raise-alarm", tmp_path)).returncode == 0
    done = penstock("run", written("nightly", tmp_path), "--output", "json")
    assert done.returncode == 1
    failed = json.loads(done.stdout)["id"]

    def alarms() -> list[dict[str, Any]]:
        told = penstock("execution", "children", failed, "-o", "json")
        return json.loads(told.stdout)["items"]

    (alarm,) = until(alarms)
    watched = penstock("execution", "watch", alarm["execution"]["id"])
    assert watched.stdout == '"night: nightly FAILED, Error: no disk (line 1)"\n'


def test_a_retry_hook_hears_of_each_repeat(penstock: Penstock, tmp_path: Path):
    assert penstock("workflow", "apply", written("note-retry", tmp_path)).returncode == 0
    done = penstock("run", written("shaky", tmp_path), "--output", "json")
    assert done.returncode == 1
    run = json.loads(done.stdout)["id"]

    def notes() -> list[dict[str, Any]]:
        told = penstock("execution", "children", run, "-o", "json")
        return json.loads(told.stdout)["items"]

    (note,) = until(notes)
    assert (note["node"], note["attempt"]) == ("call", 1)
    watched = penstock("execution", "watch", note["execution"]["id"])
    assert watched.stdout == '"call failed 1 time(s): Error: busy (line 1)"\n'


def test_a_delayed_run_waits_and_a_repeated_one_is_the_same(penstock: Penstock, tmp_path: Path):
    path = written("import-orders", tmp_path)
    options = ("--delay", "8h", "--priority", "high", "--id", "order-42", "--no-wait")
    first = penstock("run", path, *options).stdout
    assert penstock("run", path, *options).stdout == first
    shown = json.loads(penstock("execution", "get", first.strip(), "-o", "json").stdout)
    assert shown["not_before"]
    assert shown["nodes"][0]["waiting_for"].startswith("Starts at ")
    listed = penstock("execution", "list", "--where", "status:delayed", "-o", "json")
    assert first.strip() in [each["id"] for each in json.loads(listed.stdout)["items"]]
    other = penstock("run", path, "--id", "order-42", "--no-wait")
    assert other.returncode != 0
    assert "IDEMPOTENCY_CONFLICT" in other.stderr
    assert penstock("execution", "cancel", first.strip()).returncode == 0
    assert penstock("execution", "count", "--where", "status:delayed").stdout == "0\n"


def test_an_approval_is_given_by_a_signal(penstock: Penstock, tmp_path: Path):
    run = penstock("run", written("approval", tmp_path), "--no-wait").stdout.strip()
    sent = penstock("execution", "signal", run, "approved", "--payload", '{"by": "Ada"}')
    assert sent.returncode == 0, sent.stderr
    assert penstock("execution", "watch", run).stdout == '"Ada"\n'


@pytest.mark.parametrize("flow", ["charge", "order-state", "careful"])
def test_a_node_that_cannot_reach_its_host_fails_as_the_guides_say(
    flow: str, penstock: Penstock, tmp_path: Path
):
    path = written(flow, tmp_path)
    unreachable = re.sub(r"https://[a-z.]+\.example", "http://localhost:9", path.read_text("utf-8"))
    unreachable = re.sub(r"egress: \[.*\]", "egress: ['localhost:9']", unreachable)
    unreachable = re.sub(r"retry: standard", "retry: none", unreachable)
    path.write_text(unreachable, "utf-8")
    done = penstock("run", path, *(["--param", "order=1"] if "params:" in unreachable else []))
    if flow == "order-state":
        assert done.returncode == 1
        assert "HTTP_CONNECTION" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) in ("not charged", 0)


def test_a_run_is_debugged_as_the_guide_says(penstock: Penstock, tmp_path: Path):
    run = penstock("run", written("checkout", tmp_path), "--debug", "--no-wait").stdout.strip()
    assert "file:total" in penstock("debug", "show", run).stdout
    assert penstock("debug", "break", run, "ship", "--if", "payload.net > 100").returncode == 0
    assert penstock("debug", "break", run, "price->ship", "--hits", "3").returncode == 0
    assert "before:ship" in penstock("debug", "continue", run).stdout
    seen = json.loads(penstock("debug", "inspect", run, "ship", "-o", "json").stdout)
    assert seen["input"] == {"price": {"net": 120, "vat": 24}}
    reached = json.loads(penstock("debug", "run-to", run, "total", "-o", "json").stdout)
    assert [(one["node"], one["place"]) for one in reached["held"]] == [("total", "before")]
    other = '{"price": {"net": 1, "vat": 0}, "ship": 0}'
    assert penstock("debug", "edit", run, "total", "--input", other).returncode == 0
    stepped = json.loads(penstock("debug", "step", run, "-o", "json").stdout)
    assert [(one["place"], one["output"]) for one in stepped["held"]] == [("after", 1)]
    assert penstock("debug", "edit", run, "total", "--new-output", "99").returncode == 0
    assert penstock("debug", "detach", run).returncode == 0
    assert penstock("execution", "watch", run).stdout == "99\n"


def test_the_past_is_looked_at_and_gone_on_from_as_the_guide_says(
    penstock: Penstock, tmp_path: Path
):
    path = written("report", tmp_path)
    first, second = (
        json.loads(penstock("run", path, "-p", f"factor={n}", "-o", "json").stdout)["id"]
        for n in (2, 3)
    )
    assert "as of event 4 of" in penstock("execution", "show", first, "--at", "4").stdout
    assert "the parameters differ (factor)" in penstock("execution", "diff", first, second).stdout
    made = penstock("execution", "rerun", first, "--from", "total", "-p", "factor=3", "-o", "json")
    again = json.loads(made.stdout)
    assert again["carried"] == ["fetch", "tax"]
    assert penstock("execution", "watch", again["id"]).stdout == "36\n"
    forked = json.loads(penstock("execution", "fork", first, "--at", "4", "-o", "json").stdout)
    assert penstock("execution", "watch", forked["id"]).stdout == "24\n"
    path.write_text(path.read_text("utf-8").replace("* 0.2", "* 0.5"), "utf-8")
    assert penstock("workflow", "apply", path).returncode == 0
    assert "~ tax" in penstock("workflow", "diff", "report", "1", "2").stdout
    assert "has the content of v1" in penstock("workflow", "rollback", "report", "1").stdout
    assert "3" in penstock("workflow", "versions", "report").stdout
