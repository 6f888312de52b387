import os
import subprocess
import sys

import pytest

from penstock.cli.main import build_app

HEAVY = {"grpc", "aiohttp", "psutil", "msgspec", "ruamel", "asyncpg", "markdown_it", "asyncio"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["execution", "--help"]])
def test_help_loads_nothing_it_does_not_need(arguments: list[str]):
    code = (
        "import sys; sys.argv = ['penstock', *sys.argv[1:]]\n"
        "from penstock.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print('|'.join(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    loaded = set(done.stdout.splitlines()[-1].split("|"))
    needed = {"aiohttp", "msgspec", "ruamel", "asyncio"} if arguments[0] == "execution" else set()
    assert loaded & HEAVY <= needed
    assert not loaded & {"grpc", "psutil"}


def test_every_command_can_be_loaded_for_completion():
    script = build_app().generate_completion(shell="bash")
    for word in ("dev", "run", "validate", "schema", "apply", "signal", "cancel"):
        assert word in script


def test_an_interrupt_while_a_command_is_loaded_leaves_no_traceback():
    code = (
        "import os, signal, sys; sys.argv = ['penstock', 'execution', 'list']\n"
        "from penstock.cli import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'penstock.cli.commands.execution':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "main.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
