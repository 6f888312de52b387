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


def test_a_hyphen_is_standard_input(penstock: Penstock):
    source = Path(HELLO).read_text("utf-8")
    assert penstock("validate", "-", stdin=source).stdout == "-: valid\n"
    assert penstock("workflow", "apply", "-", stdin=source).stdout.startswith("hello v1 ")
    done = penstock("run", "-", "-p", "name=Ada", stdin=source)
    assert json.loads(done.stdout)["quiet"] == "Hello, Ada!"
    broken = penstock("validate", "-", stdin="flow: 1\nid: a b\nnodes: {a: {run: x}}\n")
    assert broken.returncode == 2
    assert broken.stderr.startswith("-:2:5 error BAD_NAME")


def test_a_workflow_that_was_applied_is_run_by_its_name(penstock: Penstock, tmp_path: Path):
    file = tmp_path / "named.flow.yaml"
    for version in ("1", "2"):
        file.write_text(f"flow: 1\nid: named\nnodes: {{a: {{run: return {version}}}}}\n")
        assert penstock("workflow", "apply", file).returncode == 0
    assert penstock("run", "named").stdout == "2\n"
    assert penstock("run", "named", "--version", "1").stdout == "1\n"
    assert penstock("run", "named", "--version", "3").returncode == 4
    wrong = penstock("run", file, "--version", "1")
    assert (wrong.returncode, "--version" in wrong.stderr) == (2, True)
    missing = penstock("run", "namd")
    assert missing.returncode == 2
    assert "no file and no workflow namd" in missing.stderr


def test_what_is_no_file_is_told(penstock: Penstock, tmp_path: Path):
    folder = penstock("validate", tmp_path)
    assert (folder.returncode, "is a folder" in folder.stderr) == (2, True)
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"flow: 1\nid: caf\xe9\n")
    assert "not a text in UTF-8" in penstock("run", file).stderr
    assert penstock("workflow", "apply").returncode == 2


def test_a_delay_may_be_a_number_of_seconds(penstock: Penstock):
    run = penstock("run", HELLO, "--delay", "3600", "--no-wait").stdout.strip()
    assert json.loads(penstock("execution", "get", run, "-o", "json").stdout)["not_before"]
    found = penstock("execution", "count", "--workflow", "hello", "--where", "status:delayed")
    assert int(found.stdout) >= 1
    assert penstock("execution", "cancel", run).returncode == 0


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


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    file = tmp_path / "talking.flow.yaml"
    file.write_text(
        "flow: 1\nid: talking\nnodes:\n"
        '  say: {run: \'console.log("hello [there]"); console.warn("careful"); return 1;\'}\n'
        "  tell: {needs: [say], uses: log@1, with: {message: told}}\n"
    )
    return file


def test_what_nodes_wrote_is_shown_while_they_run_and_afterwards(penstock: Penstock, talking: Path):
    run = penstock("run", talking, "-o", "json")
    assert "say [info] hello [there]" in run.stderr
    shown = penstock("execution", "logs", json.loads(run.stdout)["id"])
    assert shown.returncode == 0, shown.stderr
    heading, *rows = shown.stdout.splitlines()
    assert heading.split() == ["TIME", "NODE", "LEVEL", "MESSAGE"]
    assert [row.split()[2] for row in rows] == ["say", "say", "tell"]
    assert rows[0].endswith("hello [there]")


def test_logs_of_one_node_can_be_read_by_programs(penstock: Penstock, talking: Path):
    run = json.loads(penstock("run", talking, "-o", "json").stdout)["id"]
    found = penstock("execution", "logs", run, "--node", "tell", "-o", "json").stdout
    assert [(row["node"], row["message"]) for row in json.loads(found)] == [("tell", "told")]
    assert "message: careful" in penstock("execution", "logs", run, "-o", "yaml").stdout
    wrong = penstock("execution", "logs", run, "--node", "tel")
    assert wrong.returncode == 4
    assert "tell" in wrong.stderr


def test_lists_go_on_from_page_to_page(penstock: Penstock):
    runs = {penstock("run", HELLO, "--no-wait", "--tag", "pages").stdout.strip() for _ in range(3)}
    seen = []
    more: list[str] = []
    for _ in range(3):
        page = penstock("execution", "list", "--tag", "pages", "--limit", "1", *more)
        seen.append(page.stdout.splitlines()[1].split()[0])
        more = page.stderr.split()[-2:]
    assert set(seen) == runs
    assert more == []


def test_workflows_are_listed_in_pages_without_their_source(penstock: Penstock, talking: Path):
    penstock("workflow", "apply", talking, HELLO)
    first = penstock("workflow", "list", "--limit", "1")
    assert "--cursor" in first.stderr
    rest = penstock("workflow", "list", "-o", "json", *first.stderr.split()[-2:])
    items = json.loads(rest.stdout)["items"]
    assert items
    assert all("source" not in item for item in items)
