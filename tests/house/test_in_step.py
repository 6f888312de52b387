"""What is generated or told twice is in step with its source."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench import report
from penstock.common.errors import classes_by_reason
from penstock.common.settings import describe

ROOT = Path(__file__).resolve().parents[2]
ROLES = ["coordinator", "worker", "state", "sandbox", "gateway"]
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_generated_code_is_in_step_with_the_contracts():
    run(sys.executable, "libs/protocol/generate.py", "--check")


def test_the_contracts_keep_the_style():
    run(BIN / "buf", "lint", cwd=ROOT / "protos")


def test_the_import_contracts_hold():
    run(BIN / "lint-imports")


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_settings_is_in_step(role: str):
    settings = importlib.import_module(f"penstock.{role}.settings").Settings
    table = describe(settings, role)
    readme = (ROOT / "services" / role / "README.md").read_text()
    assert table in readme, (
        f"services/{role}/README.md: put in the table that `penstock-{role} --help` prints"
    )


@pytest.mark.parametrize("reason", sorted(classes_by_reason()))
def test_every_error_is_documented(reason: str):
    page = ROOT / "docs/errors" / f"{reason}.md"
    assert page.exists(), f"write docs/errors/{reason}.md with `## Cause` and `## Fix`"
    text = page.read_text()
    assert re.search(r"^# " + reason, text, re.M)
    assert "## Cause" in text
    assert "## Fix" in text


@pytest.mark.parametrize("role", ROLES)
def test_every_service_has_what_it_takes_to_ship(role: str):
    folder = ROOT / "services" / role
    for name in ("README.md", "Dockerfile", "pyproject.toml"):
        assert (folder / name).exists(), f"services/{role}/{name} is missing"
    assert f"penstock-{role}" in (folder / "Dockerfile").read_text()


@pytest.mark.parametrize("role", ROLES)
def test_a_service_installs_nothing_of_the_others(role: str, tmp_path: Path):
    sync = [BIN / "uv", "sync", "--frozen", "--no-dev", "--no-editable", "--quiet"]
    sync += ["--package", f"penstock-{role}"]
    for package in (role, "common", "protocol", "workflow", "nodes"):
        sync += ["--refresh-package", f"penstock-{package}"]  # else a wheel built before serves
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    environment.pop("VIRTUAL_ENV", None)
    subprocess.run(sync, cwd=ROOT, env=environment, check=True)
    code = (
        f"import importlib.util as u, penstock.{role}.main;"
        f"print([r for r in {ROLES} if u.find_spec('penstock.' + r)])"
    )
    python = tmp_path / "venv/bin/python"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str([role])
    source = ROOT / "services" / role / "src"
    installed = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = {str(path) for path in wanted if not (installed / path).exists()}
    assert missing == set(), "package data that images would lack"


def test_the_documents_show_the_recorded_figures():
    latest = msgspec.json.decode((report.RESULTS / "latest.json").read_bytes())
    stale = [
        str(path) for path, text in report.documents(latest).items() if path.read_text() != text
    ]
    assert stale == [], "run `make bench`, or `report.write_documents(record.read_latest())`"
