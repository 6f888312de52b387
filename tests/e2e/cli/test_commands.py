import json
from pathlib import Path

import pytest

from support.command_line import Penstock

pytestmark = pytest.mark.e2e

HELLO = "examples/hello.flow.yaml"


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    file = tmp_path / "waiting.flow.yaml"
    file.write_text(
        "flow: 1\nid: waiting\nnodes:\n"
        "  ask: {uses: wait@1, with: {signal: go}}\n"
        "  then: {needs: [ask], run: 'return payload.n + 1;'}\n"
    )
    return file


def test_a_run_prints_its_result_and_nothing_else_on_standard_output(penstock: Penstock):
    done = penstock("run", HELLO, "-p", "name=Ada")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "quiet": "Hello, Ada!",
        "loud": "HELLO, ADA!",
        "letters": 11,
    }
    assert "greet: completed" in done.stderr
    assert "COMPLETED in" in done.stderr


def test_a_failed_run_names_node_and_cause(penstock: Penstock, tmp_path: Path):
    file = tmp_path / "bad.flow.yaml"
    file.write_text("flow: 1\nid: bad\nnodes: {boom: {run: throw new Error('no luck')}}\n")
    done = penstock("run", file)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "failed at boom" in done.stderr
    assert "no luck" in done.stderr


@pytest.mark.parametrize("command", [["validate"], ["run"], ["workflow", "apply"]])
def test_an_invalid_file_is_told_with_its_place(
    penstock: Penstock, tmp_path: Path, command: list[str]
):
    file = tmp_path / "typo.flow.yaml"
    file.write_text("flow: 1\nid: typo\nnodes:\n  a:\n    rnu: return 1\n  b:\n    neds: [a]\n")
    done = penstock(*command, file)
    assert done.returncode == 2
    assert "typo.flow.yaml:5:" in done.stderr
    assert "typo.flow.yaml:7:" in done.stderr
    assert "    5 |     rnu: return 1" in done.stderr
    assert "needs" in done.stderr


def test_a_wrong_parameter_is_told(penstock: Penstock):
    done = penstock("run", HELLO, "--param", "nmae=x")
    assert done.returncode == 2
    assert "nmae" in done.stderr


def test_what_is_not_there_gives_its_own_exit_code(penstock: Penstock):
    assert penstock("workflow", "get", "nowhere").returncode == 4
    assert penstock("execution", "get", "01JD0000000000000000000000").returncode == 4
    assert penstock("run", "no-such-file.yaml").returncode == 2


def test_without_a_server_the_command_says_what_to_do(tmp_path: Path):
    done = Penstock()("execution", "list", "--data-dir", tmp_path)
    assert done.returncode == 3
    assert "penstock dev" in done.stderr


def test_a_server_that_does_not_answer_is_unavailable():
    done = Penstock("http://127.0.0.1:9")("execution", "list")
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr


def test_a_running_cluster_is_found_by_its_data_directory(penstock: Penstock, data_dir: Path):
    done = Penstock()("workflow", "list", "--data-dir", data_dir)
    assert done.returncode == 0, done.stderr


def test_runs_with_one_key_are_one_run(penstock: Penstock):
    ids = {penstock("run", HELLO, "--key", "once", "--no-wait").stdout for _ in range(2)}
    assert len(ids) == 1
    assert penstock("execution", "watch", ids.pop().strip()).returncode == 0


def test_a_signal_wakes_a_waiting_run(penstock: Penstock, waiting: Path):
    run = penstock("run", waiting, "--no-wait").stdout.strip()
    sent = penstock("execution", "signal", run, "go", "--payload", '{"n": 41}')
    assert sent.returncode == 0, sent.stderr
    done = penstock("execution", "watch", run)
    assert (done.returncode, done.stdout) == (0, "42\n")


def test_a_cancelled_run_ends_and_stays_cancelled(penstock: Penstock, waiting: Path):
    run = penstock("run", waiting, "--no-wait", "--tag", "doomed").stdout.strip()
    assert penstock("execution", "cancel", run, "--reason", "enough").stdout == f"{run} CANCELLED\n"
    assert penstock("execution", "watch", run).returncode == 1
    found = json.loads(penstock("execution", "list", "--tag", "doomed", "-o", "json").stdout)
    assert [(e["id"], e["status"]) for e in found["items"]] == [(run, "CANCELLED")]


def test_every_form_of_output_holds_the_same(penstock: Penstock):
    run = json.loads(penstock("run", HELLO, "-o", "json", "--no-watch").stdout)
    assert run["status"] == "COMPLETED"
    assert {node["id"] for node in run["nodes"]} == {"greet", "shout", "answer"}
    table = penstock("execution", "get", run["id"])
    assert "✔" in table.stdout
    assert "loud: HELLO" in penstock("execution", "get", run["id"], "-o", "yaml").stdout


def test_the_schema_knows_every_node_type(penstock: Penstock):
    schema = json.loads(penstock("schema").stdout)
    text = json.dumps(schema)
    for name in ("js@1", "http@1", "csv.read@1", "db.exec@1", "switch@1"):
        assert name in text
