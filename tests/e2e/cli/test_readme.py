"""The commands of the README and of the guides do what these say."""

import re
import subprocess
import sys

import pytest

from support.command_line import ROOT, Penstock

pytestmark = pytest.mark.e2e

README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/guides").glob("*.md"))]
MARKED = re.compile(r"<!-- run -->\n```(\w+)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    marked = [block for page in (README, *GUIDES) for block in MARKED.findall(page)]
    return [text for kind, text in marked if kind == language]


def conversations() -> list[tuple[str, str]]:
    """Each command with the output shown below it."""
    found: list[tuple[str, str]] = []
    for text in blocks("console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), conversations())
def test_a_command_of_the_readme_works(command: str, output: str, penstock: Penstock):
    done = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=penstock.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert output in done.stdout


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_of_the_readme_works(code: str, penstock: Penstock):
    penstock("workflow", "apply", "examples/hello.flow.yaml")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=penstock.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "COMPLETED" in done.stdout


def test_the_first_workflow_of_the_readme_is_the_file():
    assert (ROOT / "examples/hello.flow.yaml").read_text(encoding="utf-8") in README
