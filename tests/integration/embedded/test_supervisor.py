import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from penstock.embedded.errors import ClusterStartFailed
from penstock.embedded.program import Program, launch_arguments
from penstock.embedded.supervisor import (
    ProcessNews,
    Supervised,
    stop_in_order,
    wait_until_ready,
)

SLEEPS = "import time; time.sleep(600)"


def program(code: str, folder: Path, name: str = "p", stage: int = 0, **more: object) -> Program:
    flag = folder / f"{name}.ready"

    async def probe(_pid: int) -> str:
        return "" if code == SLEEPS or flag.exists() else "starting"

    command = [sys.executable, "-c", code]
    return Program(name, command, folder / f"{name}.log", probe, stage, **more)  # type: ignore[arg-type]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_program_that_dies_is_started_again(tmp_path: Path):
    news: list[ProcessNews] = []
    part = Supervised(program(SLEEPS, tmp_path), news.append)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        await until(lambda: part.pid != 0)
        first = part.pid
        await wait_until_ready([part], 10)
        part.send(signal.SIGKILL)
        assert part.pid == 0
        await wait_until_ready([part], 10)
        assert part.pid != first
        await part.stop()
    assert part.restarts == 1
    assert [n.kind for n in news] == ["started", "ready", "died", "started", "stopping", "stopped"]
    assert "SIGKILL" in news[2].detail


async def test_children_do_not_outlive_a_program_that_dies(tmp_path: Path):
    pid_file = tmp_path / "child"
    code = (
        "import subprocess, sys, time, pathlib\n"
        f"c = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(c.pid) + '.'); time.sleep(600)"
    )
    part = Supervised(program(code, tmp_path), lambda _news: None)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        await until(lambda: pid_file.exists() and pid_file.read_text().endswith("."))
        child = psutil.Process(int(pid_file.read_text()[:-1]))
        part.send(signal.SIGKILL)
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
        await part.stop()


async def test_a_program_that_cannot_start_is_given_up_with_the_end_of_its_log(tmp_path: Path):
    part = Supervised(program("import sys; sys.exit('no such setting')", tmp_path), lambda _: None)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        with pytest.raises(ClusterStartFailed, match="no such setting"):
            await wait_until_ready([part], 30)


async def test_a_program_that_never_gets_ready_is_named(tmp_path: Path):
    code = SLEEPS + " # never ready"
    part = Supervised(program(code, tmp_path, "slow"), lambda _news: None)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        with pytest.raises(ClusterStartFailed, match=r"slow \(starting\)"):
            await wait_until_ready([part], 0.3)
        await part.stop()


async def test_programs_are_stopped_stage_by_stage(tmp_path: Path):
    news: list[ProcessNews] = []
    parts = {
        name: Supervised(program(SLEEPS, tmp_path, name, stage), news.append)
        for name, stage in (("database", 2), ("front", 0), ("middle", 1))
    }
    async with asyncio.TaskGroup() as group:
        for part in parts.values():
            group.create_task(part.run(lambda: None))
        await wait_until_ready(list(parts.values()), 20)
        await stop_in_order(parts)
    assert [n.name for n in news if n.kind == "stopped"] == ["front", "middle", "database"]


async def test_a_program_that_does_not_stop_is_killed(tmp_path: Path):
    flag = tmp_path / "deaf.ready"
    code = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(flag)!r}).touch(); time.sleep(600)"
    )
    news: list[ProcessNews] = []
    part = Supervised(program(code, tmp_path, "deaf", stop_timeout_s=0.2), news.append)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        await wait_until_ready([part], 20)
        await part.stop()
    assert [n.kind for n in news][-2:] == ["killed", "stopped"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie to the parent is Linux's")
def test_a_program_dies_with_the_process_that_started_it(tmp_path: Path):
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, signal, pathlib, os\n"
        "from penstock.embedded.program import launch_arguments\n"
        f"p = subprocess.Popen(launch_arguments([sys.executable, '-c', {SLEEPS!r}], "
        "signal.SIGTERM), start_new_session=True)\n"
        "import psutil, time\n"
        f"while {SLEEPS!r} not in psutil.Process(p.pid).cmdline() or "
        "'launcher' in str(psutil.Process(p.pid).cmdline()): time.sleep(.01)\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(p.pid))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=30)
    orphan = int(pid_file.read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(orphan).wait(10)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == "zombie"


def test_a_launcher_whose_parent_is_gone_starts_nothing():
    arguments = launch_arguments([sys.executable, "-c", SLEEPS], signal.SIGTERM)
    arguments[arguments.index(str(os.getpid()))] = "1"
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=20)
    assert "gone" in done.stderr
