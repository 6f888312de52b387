"""What waits for workers, and why, over the command line, REST and the client."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.embedded import ClusterFile
from penstock.sdk.client import open_client
from support.command_line import ROOT, Penstock

pytestmark = pytest.mark.e2e

NEEDY = """
flow: 1
id: needy
nodes:
  collect: {run: 'return 1'}
  train: {needs: [collect], resources: {gpu: 8}, run: 'return 2'}
  archive: {needs: [collect], labels: {region: moon}, priority: high, run: 'return 3'}
  tell: {needs: [train, archive], run: 'return 4'}
"""
MODEST = """
flow: 1
id: modest
priority: critical
deadline: 1m
nodes:
  one: {resources: {cpu: 0.5, memory: 16}, run: 'return 1'}
  two: {needs: [one], priority: low, affinity: "${{ run.id }}", run: 'return input.one + 1'}
"""


@pytest.fixture
def needy(penstock: Penstock, tmp_path: Path) -> Iterator[str]:
    """An execution whose nodes ask for what no worker has."""
    path = tmp_path / "needy.flow.yaml"
    path.write_text(NEEDY, "utf-8")
    run = penstock("run", path, "--no-wait").stdout.strip()
    yield run
    penstock("execution", "cancel", run)


def reasons_of(penstock: Penstock, run: str) -> dict[str, str]:
    done = penstock("execution", "why", run, "--output", "json")
    assert done.returncode == 0, done.stderr
    return {one["node"]: one["why"] for one in json.loads(done.stdout)["nodes"]}


def waiting_reasons(penstock: Penstock, run: str) -> dict[str, str]:
    """Once the first node is done."""
    for _ in range(100):
        reasons = reasons_of(penstock, run)
        if "collect" not in reasons:
            return reasons
    raise AssertionError(reasons)


def test_every_node_that_waits_says_why(penstock: Penstock, needy: str):
    reasons = waiting_reasons(penstock, needy)
    assert reasons == {
        "train": "Waits for a worker in pool default that has 8 gpu left: none of the 1 there ever "
        "has that much. It is the next one.",
        "archive": "Waits for a worker in pool default with region=moon: none of the 1 there has "
        "these labels. It is the next one.",
        "tell": "Waits for train, archive to end.",
    }
    shown = penstock("execution", "show", needy).stdout
    assert "none of the 1 there ever has that much" in shown
    assert reasons["archive"] in penstock("execution", "why", needy).stdout


def test_queues_are_listed_with_their_depth_and_age(penstock: Penstock, needy: str):
    waiting_reasons(penstock, needy)
    report = json.loads(penstock("queue", "list", "--output", "json").stdout)
    assert report["waiting"] >= 2
    assert report["oldest_s"] > 0
    here = [queue for queue in report["queues"] if queue["pool"] == "default"]
    assert {tuple(queue["resources"]) for queue in here} == {("gpu",), ()}
    (pool,) = (each for each in report["pools"] if each["pool"] == "default")
    assert (pool["workers"], pool["waiting"]) == (1, 2)
    table = penstock("queue", "list").stdout
    assert "a worker in pool default with region=moon" in table
    assert "WAITING" in table


async def test_the_client_has_both(cluster: ClusterFile, penstock: Penstock, needy: str):
    waiting_reasons(penstock, needy)
    async with open_client(cluster.gateway_url) as client:
        report = await client.scheduling.queues()
        found = await client.scheduling.explain(needy)
    assert [each.waiting for each in report.pools if each.pool == "default"] == [2]
    assert found.status == "RUNNING"
    assert [one.node for one in found.nodes] == ["train", "archive", "tell"]


def test_what_fits_runs_and_then_waits_for_nothing(penstock: Penstock, tmp_path: Path):
    path = tmp_path / "modest.flow.yaml"
    path.write_text(MODEST, "utf-8")
    done = penstock("run", path)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    newest = json.loads(penstock("execution", "list", "--output", "json").stdout)["items"][0]
    assert reasons_of(penstock, newest["id"]) == {}
    assert "nothing waits" in penstock("execution", "why", newest["id"]).stdout


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/executions/nonsense/why", 404, "NOT_FOUND"),
        ("/v1/executions/01ARZ3NDEKTSV4RRFFQ69G5FAV/why", 404, "NOT_FOUND"),
        ("/v1/queues?pool=x", 400, "INVALID_ARGUMENT"),
        ("/v1/executions/01ARZ3NDEKTSV4RRFFQ69G5FAV/why?x=1", 400, "INVALID_ARGUMENT"),
    ],
)
def test_a_bad_question_is_a_clear_problem(cluster: ClusterFile, path: str, status: int, code: str):
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(cluster.gateway_url + path)
    problem = json.loads(told.value.read())
    assert (told.value.code, problem["code"]) == (status, code)
    assert problem["detail"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("priority: 11", "priority"),
        ("priority: urgent", "priority"),
        ("nodes: {a: {run: 'return 1', resources: {GPU: 1}}}", "nodes.a.resources"),
        ("nodes: {a: {run: 'return 1', resources: {gpu: many}}}", "nodes.a.resources.gpu"),
        ("nodes: {a: {run: 'return 1', labels: {region: [eu]}}}", "nodes.a.labels.region"),
        ("nodes: {a: {run: 'return 1', labels: eu}}", "nodes.a.labels"),
        ("nodes: {a: {run: 'return 1', priority: -1}}", "nodes.a.priority"),
        ("nodes: {a: {run: 'return 1', affinity: '${{ params.x }}'}}", "nodes.a.affinity"),
        ("nodes: {a: {run: 'return 1', affinity: '${{ env.x }}'}}", "nodes.a.affinity"),
    ],
)
def test_a_file_that_asks_for_nonsense_is_refused_with_its_place(
    penstock: Penstock, tmp_path: Path, line: str, place: str
):
    nodes = "" if line.startswith("nodes") else "nodes: {a: {run: 'return 1'}}\n"
    path = tmp_path / "bad.flow.yaml"
    path.write_text(f"flow: 1\nid: bad\n{line}\n{nodes}", "utf-8")
    done = penstock("validate", path, "--output", "json")
    assert done.returncode != 0
    assert place in done.stdout


def test_the_flows_of_the_guide_do_what_it_says(penstock: Penstock, tmp_path: Path):
    guide = (ROOT / "docs/guides/scheduling.md").read_text("utf-8")
    flows = {
        re.findall(r"^id: (.+)$", text, re.M)[0]: text
        for text in re.findall(r"^```yaml\n(.*?)^```", guide, re.M | re.S)
        if "\nid: " in text
    }
    path = tmp_path / "guide.flow.yaml"
    path.write_text(flows["nightly-report"], "utf-8")
    assert penstock("run", path).stdout == "3\n"
    path.write_text(flows["render"], "utf-8")
    run = penstock("run", path, "--no-wait").stdout.strip()
    (reason,) = reasons_of(penstock, run).values()
    assert reason.removesuffix(" It is the next one.") in guide
    penstock("execution", "cancel", run)
